"""`magnify slice`: one line of every frame, put side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from magnify.cli.console import output_line, progress
from magnify.cli.seeing import (
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
)
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT

if TYPE_CHECKING:
    from magnify.analysis.recording import Recording
    from magnify.analysis.slices import Cut
    from magnify.video import Picture

WHERE = "Where, one of them"


def cut_slice(
    clip: ClipPath,
    row: Annotated[int | None, option(WHERE, "The row Y; time runs down.", min=0)] = None,
    column: Annotated[int | None, option(WHERE, "The column X; time runs right.", min=0)] = None,
    line: Annotated[
        str | None, option(WHERE, "A line; time runs right.", metavar="X1,Y1,X2,Y2")
    ] = None,
    width: Annotated[int, option(WHERE, "Pixels that are averaged across it, 1 to 9.")] = 1,
    others: Annotated[
        list[Path] | None,
        option(INPUT, "Another clip, to be shown beside; may be given several times.", "--with"),
    ] = None,
    output: Annotated[
        Path | None,
        option(INPUT, "The picture, .png; default: CLIP_slice.png.", "--output", "-o"),
    ] = None,
    overwrite: Overwrite = False,
    fps: Fps = None,
    sampling_rate: SamplingRate = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    transpose: Annotated[bool, option(WHERE, "Exchange time and place.", "--transpose")] = False,
    marks: Annotated[bool, option(WHERE, "Mark every second.", "--marks")] = False,
    quiet: Quiet = False,
) -> None:
    """Show motion as a still picture: one line of every frame, put side by side.

    What moves back and forth draws a wave. Each frame gives exactly one pixel.
    """
    from magnify.analysis.png import write_png
    from magnify.analysis.recording import Recording
    from magnify.analysis.results import check_target, new_files
    from magnify.analysis.slices import slices

    path = output or clip.absolute().parent / f"{clip_name(clip)}_slice.png"
    if path.suffix.lower() != ".png":
        raise SettingsError(f"{path}: a slice's name must end in .png")
    check_target(path, overwrite, folder=False)
    recordings = [
        Recording(
            source,
            fps=fps,
            sampling_rate=sampling_rate,
            start=start,
            end=end,
            max_frames=max_frames,
        )
        for source in (clip, *(others or ()))
    ]
    cut = _cut(row, column, line, width, recordings[0])
    for recording in recordings:
        cut.check(recording.height, recording.width)
    pictures = []
    for recording in recordings:
        with progress(recording.path.name, quiet=quiet) as reporter:
            pictures.append(
                list(slices(recording, cut, transpose=transpose, marks=marks, progress=reporter))
            )
    downwards = cut.is_row != transpose
    results = _together(pictures, [recording.path.name for recording in recordings], downwards)
    paths = (
        [path]
        if len(results) == 1
        else [path.with_stem(f"{path.stem}_{number}") for number in range(1, len(results) + 1)]
    )
    with new_files(paths, overwrite) as parts:
        for part, picture in zip(parts, results, strict=True):
            write_png(picture, part)
    if not quiet:
        for written in paths:
            output_line(f"results: {written}")
    for recording in recordings:
        if recording.clip.truncated is not None:
            raise recording.clip.truncated


def _cut(
    row: int | None, column: int | None, line: str | None, width: int, recording: "Recording"
) -> "Cut":
    from magnify.analysis.places import parse_numbers
    from magnify.analysis.slices import Cut

    if sum(place is not None for place in (row, column, line)) != 1:
        raise SettingsError("give one of --row, --column and --line")
    if row is not None:
        return Cut(0, row, recording.width - 1, row, width)
    if column is not None:
        return Cut(column, 0, column, recording.height - 1, width)
    x1, y1, x2, y2 = parse_numbers(line or "", 4, "line", "X1,Y1,X2,Y2")
    return Cut(x1, y1, x2, y2, width)


def _together(
    pictures: list[list["Picture"]], names: list[str], downwards: bool
) -> list["Picture"]:
    """Each part of the first clip with that of the others, labelled."""
    from itertools import zip_longest

    from magnify.analysis.panels import above, as_depth, beside, labelled

    if len(pictures) == 1:
        return pictures[0]
    depth = pictures[0][0].dtype
    together = []
    for parts in zip_longest(*pictures):
        panels = [
            labelled(as_depth(part, depth), name)
            for part, name in zip(parts, names, strict=True)
            if part is not None
        ]
        together.append(beside(panels) if downwards else above(panels))
    return together
