"""`magnify jobs status`: how far the outputs of a folder are."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.console import json_line, output_line
from magnify.cli.options import Json
from magnify.messages import counted

app = typer.Typer(help="Ask how far the outputs of a folder are.")


@app.callback()
def _jobs() -> None:
    pass


@app.command()
def status(
    folder: Annotated[
        Path, typer.Argument(help="Folder that outputs are written to.", metavar="FOLDER")
    ],
    as_json: Json = False,
) -> None:
    """Say which outputs of a folder are done, and how far the others are.

    It can be asked while a command is at work, and afterwards. It knows the outputs of commands
    with several inputs, and of those with --resume.
    """
    from magnify.jobs.status import standings

    found = list(standings(folder))
    if as_json:
        for one in found:
            json_line({**vars(one), "output": str(one.output)})
        return
    for one in found:
        frames = "" if one.frames is None else counted(one.frames, "frame")
        output_line(f"{one.state:8} {frames:>14}  {one.output.name}".rstrip())
        if one.error is not None:
            output_line(f"{'':25}{one.error}")
    counts = Counter(one.state for one in found)
    output_line(", ".join(f"{count} {state}" for state, count in counts.items()))
