"""What these scripts share: their options, and how they end."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from magnify.cli.app import exit_code
from magnify.cli.console import error_line
from magnify.cli.lab.bench import parse_size
from magnify.errors import MagnifyError

Size = Annotated[str, typer.Option(help="Frame size.", parser=parse_size, metavar="SIZE")]


def run(script: Callable[..., None]) -> None:
    """Runs a script's function with the command line's options.

    What it raises on purpose ends it in one line on stderr, with `magnify`'s exit codes.
    """
    try:
        typer.run(script)
    except MagnifyError as error:
        error_line(str(error))
        sys.exit(exit_code(error))
