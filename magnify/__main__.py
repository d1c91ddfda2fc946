"""`python -m magnify` and the `magnify` command."""

import _thread
import signal
import sys
import threading
from io import TextIOWrapper
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

REPEAT_SECONDS = 0.05


def main() -> None:
    from magnify.cli import app

    signal.signal(signal.SIGTERM, _end)
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # nohup
        signal.signal(hang_up, _end)
    # A shell without job control starts background commands deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _repeat_interrupt
    if isinstance(sys.stdout, TextIOWrapper):  # as Python's standard error does
        sys.stdout.reconfigure(errors="backslashreplace")
    app(prog_name="magnify")


def _end(number: int, frame: FrameType | None) -> None:
    """Leaves through every `finally`, so that no partial file stays behind."""
    sys.exit(128 + number)


def _repeat_interrupt(unraisable: "UnraisableHookArgs") -> None:
    """A Ctrl-C that fell into a destructor, where Python drops exceptions, is sent once more."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(REPEAT_SECONDS, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(unraisable)


if __name__ == "__main__":
    main()
