"""`python -m magnify` and the `magnify` command."""

import signal
import sys
from types import FrameType


def main() -> None:
    from magnify.cli import app

    signal.signal(signal.SIGTERM, _end)
    app(prog_name="magnify")


def _end(number: int, frame: FrameType | None) -> None:
    """Leaves through every `finally`, so that no partial file stays behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
