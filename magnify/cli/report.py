"""`magnify report`: a page about a clip, with what moves in it and what was made of it."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.console import output_line, progress
from magnify.cli.seeing import (
    MEASURING,
    ClipPath,
    End,
    Fps,
    MaxFrames,
    Overwrite,
    Quiet,
    SamplingRate,
    Start,
    clip_name,
    option,
    parse_region,
)
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT

Large = Annotated[bool, option(INPUT, "Allow a page with more than 64 MB of video.", "--large")]


def report(
    clip: ClipPath,
    magnified: Annotated[
        list[Path] | None,
        typer.Argument(help="Results of the same clip.", show_default=False, metavar="[OUT]..."),
    ] = None,
    output: Annotated[
        Path | None,
        option(INPUT, "The page, .html; default: CLIP_report.html.", "--output", "-o"),
    ] = None,
    overwrite: Overwrite = False,
    large: Large = False,
    fps: Fps = None,
    sampling_rate: SamplingRate = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    roi: Annotated[
        str | None, option(MEASURING, "Look only in this region.", metavar="X,Y,W,H")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make a page about a clip: what moves in it, and what was made of it, to look at and to send.

    It is one file that works without a network: players in step, a line between before and after,
    spectrum, maps, slices, and the commands to do it again.
    """
    from magnify.analysis.report import Part, write_report
    from magnify.analysis.results import check_target

    path = output or clip.absolute().parent / f"{clip_name(clip)}_report.html"
    check_page(path)
    check_target(path, overwrite, folder=False)
    part = Part(fps, sampling_rate, start, end, max_frames, parse_region(roi))
    with progress(clip.name, quiet=quiet) as reporter:
        write_report(
            clip,
            magnified or [],
            path,
            command=typed(),
            part=part,
            large=large,
            overwrite=overwrite,
            progress=reporter,
        )
    if not quiet:
        output_line(f"results: {path}")


def check_page(path: Path) -> None:
    """Checks the name of a page.

    Raises:
        SettingsError: it is no name of one.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise SettingsError(f"{path}: a page's name must end in .html")


def typed() -> str:
    """The command as it was typed."""
    return shlex.join(["magnify", *sys.argv[1:]])
