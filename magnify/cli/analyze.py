"""`magnify analyze`: what moves in a clip, how often, how far and where."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from magnify.cli.console import json_line, output_line, progress
from magnify.cli.options import finite
from magnify.cli.seeing import (
    MEASURING,
    ClipPath,
    End,
    Fps,
    Json,
    MaxFrames,
    NoPlots,
    Overwrite,
    Quiet,
    SamplingRate,
    StabiliseOn,
    Start,
    clip_name,
    drawable,
    option,
    parse_region,
)
from magnify.errors import SettingsError
from magnify.pipeline.job import INPUT

if TYPE_CHECKING:
    from magnify.analysis.analyzing import Analysis


def analyze(
    clip: ClipPath,
    output_dir: Annotated[
        Path | None, option(INPUT, "Folder for the results; default: CLIP_analysis.")
    ] = None,
    overwrite: Overwrite = False,
    fps: Fps = None,
    sampling_rate: SamplingRate = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    roi: Annotated[
        str | None, option(MEASURING, "Look only in this region.", metavar="X,Y,W,H")
    ] = None,
    block: Annotated[
        str, option(MEASURING, "Side of the blocks that are followed, in pixels.", metavar="N")
    ] = "auto",
    fmin: Annotated[
        float | None, option(MEASURING, "Lowest frequency, in Hz.", min=0, callback=finite)
    ] = None,
    fmax: Annotated[
        float | None, option(MEASURING, "Highest frequency, in Hz.", min=0, callback=finite)
    ] = None,
    peaks: Annotated[int, option(MEASURING, "How many frequencies to find at most.", min=1)] = 8,
    stabilise_on: StabiliseOn = None,
    no_plots: NoPlots = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find what moves in a clip, how often, how far and where.

    The results say which band to magnify, each as a command line that is ready to run. What may
    mislead is said first.
    """
    from magnify.analysis.analyzing import analyze as analyze_clip
    from magnify.analysis.results import check_target
    from magnify.analysis.tables import summary

    folder = output_dir or clip.absolute().parent / f"{clip_name(clip)}_analysis"
    check_target(folder, overwrite, folder=True)
    plots = drawable(no_plots)
    with progress(clip.name, quiet=quiet) as reporter:
        analysis = analyze_clip(
            clip,
            fps=fps,
            sampling_rate=sampling_rate,
            start=start,
            end=end,
            max_frames=max_frames,
            roi=parse_region(roi),
            block=_parse_block(block),
            lowest=fmin,
            highest=fmax,
            peaks=peaks,
            stabilise_on=parse_region(stabilise_on),
            progress=reporter,
        )
    _write(analysis, folder, overwrite, plots)
    if as_json:
        json_line({**summary(analysis), "output": str(folder)})
    elif not quiet:
        _tell(analysis, folder)
    if analysis.truncated is not None:
        raise analysis.truncated


def _parse_block(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError as error:
        raise SettingsError(f"'{text}' is no block size; give a number or auto") from error


def _write(analysis: "Analysis", folder: Path, overwrite: bool, plots: bool) -> None:
    from magnify.analysis.results import new_folder
    from magnify.analysis.tables import write_tables

    with new_folder(folder, overwrite) as part:
        write_tables(analysis, part)
        if plots:
            from magnify.analysis.plots import plot_analysis

            plot_analysis(analysis, part)


def _tell(analysis: "Analysis", folder: Path) -> None:
    for caution in analysis.cautions:
        output_line(f"{caution.severity}: {caution.text}")
    if analysis.cautions:
        output_line("")
    if analysis.peaks:
        output_line(f"{'':>2} {'Hz':>9} {'px':>8} {'blocks':>7} {'direction':>10}  remarks")
    for number, peak in enumerate(analysis.peaks, 1):
        from magnify.analysis.tables import degrees

        remarks = {
            f"multiple of {peak.harmonic_of or 0:.4g} Hz": peak.harmonic_of is not None,
            "nearly everything moves as one": peak.whole,
            f"perhaps no motion ({peak.doubt})": peak.doubt is not None,
        }
        output_line(
            f"{number:>2} {peak.frequency:>9.4g} {peak.amplitude:>8.3g} "
            f"{len(peak.shape.block):>7} {round(degrees(peak.shape.main_direction)):>9}°  "
            f"{', '.join(remark for remark, holds in remarks.items() if holds)}".rstrip()
        )
    if not analysis.peaks:
        output_line("no frequency stands out")
    output_line("")
    for number, suggestion in enumerate(analysis.suggestions, 1):
        if suggestion is not None:
            output_line(f"{number}: {suggestion.command}")
    output_line(f"results: {folder}")
