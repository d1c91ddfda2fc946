"""`magnify compare`: clips of the same scene as one video."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from magnify.cli.console import notice_line, output_line, progress
from magnify.cli.options import finite
from magnify.cli.report import Large, check_page, typed
from magnify.cli.seeing import (
    End,
    Fps,
    MaxFrames,
    Overwrite,
    Quiet,
    Start,
    clip_name,
    option,
    parse_region,
)
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT

if TYPE_CHECKING:
    from magnify.analysis.recording import Recording

LAYOUT = "Layout"


def compare(
    clips: Annotated[
        list[Path],
        typer.Argument(
            help="Two clips or more; the first gives the times and the sound.",
            show_default=False,
            metavar="CLIP...",
        ),
    ],
    layout: Annotated[
        Literal["side", "stack", "difference", "wipe", "html"],
        option(
            LAYOUT,
            "Side by side, one above the other, what changed, a sweeping line, or a page with "
            "players in step.",
        ),
    ] = "side",
    gain: Annotated[
        float, option(LAYOUT, "difference: how many times it is enlarged.", callback=finite)
    ] = 8.0,
    labels: Annotated[bool, option(LAYOUT, "Write the clips' names above.", "--labels")] = False,
    roi: Annotated[str | None, option(LAYOUT, "Show only this region.", metavar="X,Y,W,H")] = None,
    resize: Annotated[
        bool, option(LAYOUT, "Bring all clips to the size of the first.", "--resize")
    ] = False,
    output: Annotated[
        Path | None,
        option(
            INPUT,
            "The video, or the page; default: A_and_B.mp4 beside the first clip.",
            "--output",
            "-o",
        ),
    ] = None,
    overwrite: Overwrite = False,
    large: Large = False,
    fps: Fps = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    quiet: Quiet = False,
) -> None:
    """Show clips of the same scene together, as one video or as a page.

    Frames are paired by their times. The sound is that of the first clip.
    """
    from magnify.analysis.comparison import Comparison
    from magnify.analysis.comparison import compare as compare_clips
    from magnify.analysis.recording import Recording

    recordings = [
        Recording(clip, fps=fps, start=start, end=end, max_frames=max_frames) for clip in clips
    ]
    names = [clip_name(clip) for clip in clips]
    suffix = ".html" if layout == "html" else ".mp4"
    path = output or clips[0].absolute().parent / f"{'_and_'.join(names)}{suffix}"
    if layout == "html":
        _write_page(recordings, path, overwrite=overwrite, large=large, quiet=quiet)
        return
    comparison = Comparison(
        layout=layout,
        gain=gain,
        labels=tuple(clip.name for clip in clips) if labels else None,
        roi=parse_region(roi),
        resize=resize,
    )
    with progress(path.name, quiet=quiet) as reporter:
        compare_clips(
            recordings,
            path,
            comparison,
            overwrite=overwrite,
            progress=reporter,
            notify=None if quiet else notice_line,
        )
    if not quiet:
        output_line(f"results: {path}")
    for recording in recordings:
        if recording.clip.truncated is not None:
            raise recording.clip.truncated


def _write_page(
    recordings: "list[Recording]", path: Path, *, overwrite: bool, large: bool, quiet: bool
) -> None:
    from magnify.analysis.report import write_comparison
    from magnify.analysis.results import check_target

    if len(recordings) < 2:
        raise SettingsError("there is nothing to compare: give two clips or more")
    check_page(path)
    check_target(path, overwrite, folder=False)
    with progress(path.name, quiet=quiet) as reporter:
        write_comparison(
            recordings, path, command=typed(), large=large, overwrite=overwrite, progress=reporter
        )
    if not quiet:
        output_line(f"results: {path}")
