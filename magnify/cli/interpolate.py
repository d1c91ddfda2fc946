"""`magnify interpolate`: frames between frames, or a way from one picture to another."""

import os
from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.console import notice_line, output_line, progress
from magnify.cli.options import with_groups
from magnify.cli.seeing import End, Fps, MaxFrames, Overwrite, Quiet, Start, clip_name, option
from magnify.errors import SettingsError
from magnify.messages import counted
from magnify.pipeline.job import INPUT, Compute
from magnify.video.choices import Encoding

BETWEEN = "Interpolation"
TIMES, VIEWS = 5, 25


@with_groups(Compute, Encoding)
def interpolate(
    compute: Compute,
    encoding: Encoding,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="A clip; or two pictures or more of one size, which follow each other.",
            show_default=False,
            metavar="INPUT...",
        ),
    ],
    times: Annotated[
        int | None,
        option(BETWEEN, "Frames for each frame of a clip; default: 5.", min=2, metavar="N"),
    ] = None,
    frames: Annotated[
        int | None,
        option(BETWEEN, "Frames from a picture to the next; default: 25.", min=3, metavar="N"),
    ] = None,
    slow: Annotated[
        bool, option(BETWEEN, "Keep the frame rate, so that it is slow motion.", "--slow")
    ] = False,
    output: Annotated[
        Path | None,
        option(
            INPUT,
            "The output; default: INPUT_5x.mp4, or A_to_B.mp4. A folder for pictures.",
            "--output",
            "-o",
        ),
    ] = None,
    overwrite: Overwrite = False,
    fps: Fps = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    quiet: Quiet = False,
) -> None:
    """Make frames between frames: for slow motion, or views between two pictures.

    A clip gets 5 frames for each, and lasts as long as before, with its sound. Two pictures become
    a clip of 25 frames from one to the other.
    """
    from magnify.pipeline.interpolation import interpolate as interpolate_clip
    from magnify.pipeline.prepare import prepare

    pictures = len(inputs) > 1
    if pictures and (times is not None or slow):
        raise SettingsError("--times and --slow are for a clip; for pictures, use --frames")
    if not pictures and frames is not None:
        raise SettingsError("--frames is for pictures; for a clip, use --times")
    each = (frames or VIEWS) - 1 if pictures else times or TIMES
    path = output or _default_name(inputs, each)
    engine = prepare(compute)
    with progress(path.name, quiet=quiet) as reporter:
        count = interpolate_clip(
            inputs if pictures else inputs[0],
            path,
            engine.network,
            times=each,
            slow=slow,
            fps=fps,
            start=start,
            end=end,
            max_frames=max_frames,
            encoding=encoding,
            overwrite=overwrite,
            progress=reporter,
            notify=None if quiet else notice_line,
        )
    if not quiet:
        output_line(f"{path}: {counted(count, 'frame')}")


def _default_name(inputs: list[Path], times: int) -> Path:
    folder = Path(os.path.abspath(inputs[0])).parent
    if len(inputs) > 1:
        return folder / f"{inputs[0].stem}_to_{inputs[-1].stem}.mp4"
    return folder / f"{clip_name(inputs[0])}_{times}x.mp4"
