"""Ending on a signal: Ctrl-C (INT), a request to end (TERM), a closed terminal (HUP).

A signal's handler may run between any two steps of Python. An exception raised there can tear
what it falls into: a lock just taken, an import, a file just renamed. Or Python drops it, in a
destructor. So the handlers only note the signal, and whoever is at a point where everything is
whole asks: `check` ends the command, with code 128 + the signal's number, through every
`finally`. Loops ask for each frame or step; no clean-up asks, so none is disturbed, however often
a signal comes. The first signal decides the code. Of several that come during one step of
Python, the handlers are called by number and not by time, so the order they came in is kept by a
socket, which the interpreter fills.
"""

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


class Interrupted(SystemExit):
    """A signal ends the command; `code` is the exit code that says which."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


class _Listener:
    """What has come so far, and whether the first signal may raise where it falls."""

    number: int | None = None
    at_once = False
    arrivals: socket.socket | None = None  # gives the numbers in the order they came

    def note(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.number = self._first() or number
            if self.at_once:  # only ever the first: the clean-up that it sets off stays whole
                raise Interrupted(self.number)

    def _first(self) -> int | None:
        assert self.arrivals is not None
        try:
            return self.arrivals.recv(1)[0]
        except BlockingIOError:  # another thread took the signal and has yet to write its number
            return None


_listener = _Listener()


@contextmanager
def listening() -> Iterator[None]:
    """Notes INT, TERM and HUP; for a whole program, from its beginning to its end.

    A HUP that is ignored, as under nohup, stays so. An ignored INT does not: a shell without job
    control starts background commands deaf to it. After the end all are ignored: the code is
    settled, and the interpreter, which would give the signals back to the system, is about to go.

    Raises:
        Interrupted: at the end; a signal has come that nobody asked for.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    if numbers[2:] and signal.getsignal(numbers[2]) == signal.SIG_IGN:
        del numbers[2]
    _listener.arrivals, arriving = socket.socketpair()
    for end in (_listener.arrivals, arriving):
        end.setblocking(False)
    signal.set_wakeup_fd(arriving.fileno(), warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, _listener.note)
    sys.unraisablehook = _drop_interruption
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        arriving.close()
        check()


def check() -> None:
    """Ends the command here if a signal asks for it; costs next to nothing.

    Raises:
        Interrupted: a signal has come since `listening` began.
    """
    if _listener.number is not None:
        raise Interrupted(_listener.number)


@contextmanager
def at_once() -> Iterator[None]:
    """Within it, the first signal raises where it falls: for waiting on another process.

    Nothing within may be worth more than its end.

    Raises:
        Interrupted: a signal has come.
    """
    check()
    _listener.at_once = True
    try:
        yield
    finally:
        _listener.at_once = False
    check()


def _drop_interruption(unraisable: "UnraisableHookArgs") -> None:
    """One that fell into a destructor needs no message: the next `check` raises it again."""
    if not issubclass(unraisable.exc_type, Interrupted):
        sys.__unraisablehook__(unraisable)
