"""`magnify measure`: how far chosen places of a clip move, frame by frame."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from magnify.cli.console import json_line, notice_line, output_line, progress
from magnify.cli.options import REPORTING, finite
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
    from magnify.analysis.measurement import Measurement
    from magnify.analysis.places import Scale
    from magnify.motion.regions import Region

PLACES = "Places, each may be given several times, with NAME= before it"
AXES = {"x": 0.0, "y": 90.0}


def measure(
    clip: ClipPath,
    point: Annotated[
        list[str] | None,
        option(PLACES, "A point; its window moves to the best texture near.", metavar="X,Y"),
    ] = None,
    roi: Annotated[list[str] | None, option(PLACES, "A region.", metavar="X,Y,W,H")] = None,
    line: Annotated[
        list[str] | None, option(PLACES, "Points along a line.", metavar="X1,Y1,X2,Y2")
    ] = None,
    along: Annotated[int, option(PLACES, "How many points a line has.", min=2)] = 8,
    size: Annotated[int, option(PLACES, "Side of a point's window, in pixels.", min=8)] = 32,
    exact: Annotated[bool, option(PLACES, "Leave points where they are.", "--exact")] = False,
    output: Annotated[
        Path | None,
        option(
            INPUT,
            "The table, .csv; other results stand beside it. Default: CLIP_measurement.csv.",
            "--output",
            "-o",
        ),
    ] = None,
    overwrite: Overwrite = False,
    fps: Fps = None,
    sampling_rate: SamplingRate = None,
    start: Start = None,
    end: End = None,
    max_frames: MaxFrames = None,
    scale: Annotated[
        str | None, option(MEASURING, "How long a pixel is.", metavar="0.35mm/px")
    ] = None,
    scale_between: Annotated[
        str | None,
        option(MEASURING, "Two points and their distance.", metavar="X1,Y1,X2,Y2=120mm"),
    ] = None,
    stabilise_on: StabiliseOn = None,
    reference: Annotated[
        str,
        option(MEASURING, "What is compared with: the first frame, or the mean of the first N."),
    ] = "first",
    axis: Annotated[
        str | None,
        option(
            MEASURING,
            "Direction to analyse: x, y, or degrees from right, clockwise; default: the main one.",
        ),
    ] = None,
    band: Annotated[
        str | None,
        option(MEASURING, "Add a column with this band only, in Hz.", metavar="LOW,HIGH"),
    ] = None,
    against: Annotated[
        Path | None,
        option(
            MEASURING,
            "Compare with a known motion: a CSV file of seconds and displacement.",
            metavar="TRACE.csv",
        ),
    ] = None,
    uff: Annotated[
        bool, option(INPUT, "Also write a universal file (58), for modal analysis.", "--uff")
    ] = False,
    no_plots: NoPlots = False,
    svg: Annotated[
        bool, option(REPORTING, "Draw the plot as SVG instead of PNG.", "--svg")
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure how far places of a clip move, frame by frame.

    Displacements are in pixels since the first frame, to the right and down. What is lost from
    sight has empty cells.
    """
    from magnify.analysis.agreement import read_trace
    from magnify.analysis.measurement import check_found
    from magnify.analysis.measurement import measure as measure_clip
    from magnify.analysis.results import check_target

    table = output or clip.absolute().parent / f"{clip_name(clip)}_measurement.csv"
    plot = ".svg" if svg else ".png"
    paths = _results(table, plot=plot if drawable(no_plots) else None, uff=uff)
    for path in paths.values():
        check_target(path, overwrite, folder=False)
    trace = None if against is None else read_trace(against)
    places, movable = _places(point, roi, line, along, size, exact)
    passband = None if band is None else _parse_band(band)
    with progress(clip.name, quiet=quiet) as reporter:
        measurement = measure_clip(
            clip,
            places,
            fps=fps,
            sampling_rate=sampling_rate,
            start=start,
            end=end,
            max_frames=max_frames,
            movable=movable,
            reference=_parse_reference(reference),
            axis=None if axis is None else _parse_axis(axis),
            stabilise_on=parse_region(stabilise_on),
            scale=_parse_scale(scale, scale_between),
            progress=reporter,
        )
    settings: dict[str, Any] = {
        "sampling_rate": sampling_rate,
        "start": start,
        "end": end,
        "max_frames": max_frames,
        "reference": reference,
        "axis": axis,
        "band": band,
        "stabilise_on": stabilise_on,
    }
    agreements = None if trace is None else _agreements(measurement, *trace)
    settings |= {"against": against and str(against), "agreement": agreements}
    summary = _write(measurement, paths, overwrite, passband, settings)
    if as_json:
        json_line({**summary, "output": str(table)})
    elif not quiet:
        _tell(measurement, paths)
        for name, found in (agreements or {}).items():
            output_line(
                f"{name} against {against}: correlation {found['correlation']:.3f}, gain "
                f"{found['gain']:.3g}, {found['lag_s']:+.4g} s late, error {found['error']:.2g}"
            )
    check_found(measurement)
    if measurement.truncated is not None:
        raise measurement.truncated


def _agreements(measurement: "Measurement", times: Any, known: Any) -> dict[str, dict[str, float]]:
    """How each place's motion along its axis goes with a trace; in the scale's unit, if any."""
    from dataclasses import asdict

    from magnify.analysis.agreement import agreement

    factor = 1.0 if measurement.scale is None else measurement.scale.per_pixel
    return {
        place.name: asdict(agreement(measurement.times, factor * place.along, times, known))
        for place in measurement.places
    }


def _results(table: Path, *, plot: str | None, uff: bool) -> dict[str, Path]:
    """What is written, by kind."""
    if table.suffix.lower() != ".csv":
        raise SettingsError(f"{table}: the table's name must end in .csv")
    paths = {
        "table": table,
        "summary": table.with_suffix(".json"),
        "densities": table.with_name(f"{table.stem}_psd.csv"),
    }
    if plot is not None:
        paths["plot"] = table.with_suffix(plot)
    if uff:
        paths["uff"] = table.with_suffix(".uff")
    return paths


def _places(
    points: list[str] | None,
    regions: list[str] | None,
    lines: list[str] | None,
    along: int,
    size: int,
    exact: bool,
) -> tuple[dict[str, "Region"], list[str]]:
    """All regions by name, and the names of those that may move to better texture."""
    from magnify.analysis.places import named, point_windows
    from magnify.motion.regions import Region

    places: dict[str, Region] = {}

    def add(name: str, region: Region) -> None:
        if name in places:
            raise SettingsError(f"two places are called {name}; give each its own NAME=")
        places[name] = region

    movable = []
    for text in points or ():
        name, where = named(text, len(places) + 1)
        add(name, point_windows(where, None, size)[0])
        movable.append(name)
    for text in regions or ():
        name, where = named(text, len(places) + 1)
        add(name, Region.parse(where))
    for number, text in enumerate(lines or (), 1):
        name, where = named(text, len(places) + 1)
        name = name if "=" in text else f"L{number}"
        for count, window in enumerate(point_windows(where, along, size), 1):
            add(f"{name}_{count}", window)
            movable.append(f"{name}_{count}")
    return places, [] if exact else movable


def _parse_reference(text: str) -> int:
    if text == "first":
        return 1
    kind, _, count = text.partition(":")
    if kind != "mean" or not count.isdigit():
        raise SettingsError(f"'{text}' is no reference; write first, or mean:16")
    return int(count)


def _parse_axis(text: str) -> float:
    try:
        angle = AXES[text] if text in AXES else float(text)
    except ValueError as error:
        raise SettingsError(f"'{text}' is no axis; write x, y or degrees") from error
    return finite(angle) or 0.0


def _parse_band(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if not 0 < low < high < float("inf"):
        raise SettingsError(f"'{text}' is no band; write LOW,HIGH in Hz, such as 5,8")
    return low, high


def _parse_scale(scale: str | None, between: str | None) -> "Scale | None":
    from magnify.analysis.places import Scale

    if scale is not None and between is not None:
        raise SettingsError("--scale and --scale-between exclude each other; give one of them")
    if between is not None:
        return Scale.between(between)
    return None if scale is None else Scale.parse(scale)


def _write(
    measurement: "Measurement",
    paths: dict[str, Path],
    overwrite: bool,
    band: tuple[float, float] | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Writes all results, or none of them; the summary."""
    from magnify.analysis import measurement_tables as tables
    from magnify.analysis.results import new_files
    from magnify.analysis.tables import write_json

    summary = tables.measurement_summary(measurement, settings)
    with new_files(list(paths.values()), overwrite) as parts:
        part = dict(zip(paths, parts, strict=True))
        tables.write_motion(measurement, part["table"], band)
        write_json(part["summary"], summary)
        tables.write_densities(measurement, part["densities"])
        if "plot" in part:
            from magnify.analysis.plots import plot_measurement

            plot_measurement(measurement, part["plot"], paths["plot"].suffix[1:])
        if "uff" in part:
            from magnify.analysis.uff58 import write_uff

            for name in write_uff(measurement, part["uff"]):
                notice_line(f"{name} was lost in places; it is not in {paths['uff'].name}")
    return summary


def _tell(measurement: "Measurement", paths: dict[str, Path]) -> None:
    from magnify.analysis.measurement_tables import measurement_cautions
    from magnify.analysis.tables import degrees

    for caution in measurement_cautions(measurement):
        output_line(f"{caution.severity}: {caution.text}")
    scale = measurement.scale
    factor, unit = (1.0, "px") if scale is None else (scale.per_pixel, scale.unit)
    output_line(f"{'':<10} {f'rms {unit}':>9} {f'± {unit}':>9} {'axis':>6} {'Hz':>9} {unit:>9}")
    for place in measurement.places:
        summary = [float(place.along[place.along == place.along].std())] if place.lost < 1 else []
        error = [float(place.error[place.error == place.error].mean())] if summary else []
        numbers = (
            "".join(f" {factor * value:>9.3g}" for value in (*summary, *error)) or f"{'lost':>20}"
        )
        peak = place.peaks[0] if place.peaks else None
        strongest = f" {peak.frequency:>9.4g} {factor * peak.amplitude:>9.3g}" if peak else ""
        decay = f"  damping {place.decay.damping_ratio:.2%}" if place.decay else ""
        output_line(f"{place.name:<10}{numbers} {round(degrees(place.axis)):>5}°{strongest}{decay}")
    output_line(f"results: {', '.join(path.name for path in paths.values() if path.exists())}")
