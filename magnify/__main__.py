"""`python -m magnify` and the `magnify` command."""

import os
import sys
from io import TextIOWrapper

from magnify import interruption
from magnify.errors import out_of_memory


def main() -> None:
    with interruption.listening():  # before all that takes time
        _settle_streams()
        try:
            from magnify.cli import app

            app(prog_name="magnify")
        except Exception as error:  # where memory ends before the command line is read
            told = out_of_memory(error)
            if told is None:
                raise
            if sys.stderr is not None:
                print(f"magnify: error: {told}", file=sys.stderr)
            sys.exit(1)


def _settle_streams() -> None:
    """Standard output spells out what it cannot show, as Python's standard error does.

    A stream that was closed when the command began gets /dev/null for a descriptor. Else the
    next file that is opened would get its number, and what libraries print, its content.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
