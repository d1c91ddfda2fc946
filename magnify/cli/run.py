"""`magnify run`: static and dynamic magnification."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from magnify.cli.choosing import with_alpha
from magnify.cli.jobs import magnify_all, repeat_job
from magnify.cli.options import Request, magnifying
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT, MAGNIFICATION
from magnify.pipeline.modes import Dynamic, Static


@magnifying()
def run(
    request: Request,
    context: typer.Context,
    mode: Annotated[
        Literal["static", "dynamic"],
        typer.Option(
            "--mode",
            "-m",
            help="Magnify the motion since a reference frame (static) or since the previous "
            "frame (dynamic).",
            rich_help_panel=MAGNIFICATION,
        ),
    ] = "static",
    reference: Annotated[
        str,
        typer.Option(
            help="The static mode's reference: auto, first, a frame's number (from 0), or mean:N. "
            "auto is the first frame, unless it lies off those behind it.",
            rich_help_panel=MAGNIFICATION,
        ),
    ] = "auto",
    from_job: Annotated[
        Path | None,
        typer.Option(
            help="Repeat the run that --json or --save-job described in this file.",
            rich_help_panel=INPUT,
        ),
    ] = None,
) -> None:
    """Magnify all motion in videos; everything else about them stays as it was.

    The result of in.mp4 is in_x20_static.mp4 beside it, unless told otherwise.
    """
    if from_job is not None:
        repeat_job(from_job, request, context)
        return
    if mode == "dynamic" and reference != "auto":
        raise SettingsError("--reference belongs to --mode static; leave it out")
    request = with_alpha(request, dynamic=mode == "dynamic")
    magnify_all(request, Dynamic() if mode == "dynamic" else Static.parse(reference))
