"""Pictures of results: the only place that knows matplotlib, which is an extra."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.analyzing import Analysis
from magnify.analysis.measurement import Measurement
from magnify.analysis.peaks import Peak
from magnify.analysis.place_motion import PlaceMotion
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSTALL = "pip install 'magnify-video[plots]'"
DOTS = 150
"""Per inch."""
LINE = "#20639b"
SECOND = "#c8553d"
GREY = "#777777"
PICTURE_WIDTH = 6.0
"""Inches of a map."""


def plots_missing() -> str | None:
    """What to install where no plots can be drawn; None where they can."""
    try:
        figure_module()
    except SettingsError as error:
        return str(error)
    return None


def figure_module() -> ModuleType:
    """Matplotlib's figures, imported when the first one is drawn.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise SettingsError(f"plots need matplotlib: {INSTALL}") from error
    return matplotlib.figure


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, sizes in inches."""
    figure: Figure = figure_module().Figure(figsize=(width, height), layout="constrained", dpi=DOTS)
    return figure


def plot_analysis(analysis: Analysis, folder: Path) -> None:
    """Draws spectrum.png, and for each peak a map peak_N.png, into `folder`."""
    figure = new_figure(9, 4.5)
    _draw_spectrum(figure.subplots(), analysis)
    figure.savefig(folder / "spectrum.png")
    for number, peak in enumerate(analysis.peaks, 1):
        _peak_figure(analysis, peak).savefig(folder / f"peak_{number}.png")


def _draw_spectrum(axes: "Axes", analysis: Analysis) -> None:
    frequencies, scores = analysis.spectra.frequencies, analysis.scores
    shown = scores.loudest > -99
    amplitude, loudest = scores.amplitude[shown], scores.loudest[shown]
    axes.semilogy(frequencies[shown], amplitude, color=LINE, linewidth=1)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("amplitude of the textured picture (px)", color=LINE)
    axes.set_title(f"{analysis.path.name}: what moves, and how often", fontsize=11)
    axes.grid(visible=True, alpha=0.25)
    axes.set_ylim(amplitude.min() * 0.7, amplitude.max() * 6)
    score = axes.twinx()
    score.plot(frequencies[shown], loudest, color=SECOND, linewidth=0.8, alpha=0.8)
    score.set_ylabel("loudest blocks above what is usual (dB)", color=SECOND)
    score.set_ylim(min(-2.0, loudest.min()), 1.6 * max(loudest.max(), 4.0))
    for number, peak in enumerate(analysis.peaks, 1):
        axes.axvline(peak.frequency, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
        axes.annotate(
            f"{number}: {peak.frequency:.4g} Hz",
            (peak.frequency, 0.985),
            xycoords=("data", "axes fraction"),
            rotation=90,
            ha="right",
            va="top",
            fontsize=8,
        )


def _peak_figure(analysis: Analysis, peak: Peak) -> "Figure":
    """Amplitude and phase of the live blocks, over the picture."""
    height, width = analysis.series.picture.shape[:2]
    wide = width >= height * 1.6
    tall = PICTURE_WIDTH * height / width
    size = (PICTURE_WIDTH + 1, 2 * tall + 1) if wide else (2 * PICTURE_WIDTH, 0.87 * tall + 0.5)
    figure = new_figure(size[0], min(size[1], 14))
    panels = figure.subplots(*((2, 1) if wide else (1, 2)))
    shape = peak.shape
    figure.suptitle(
        f"{analysis.path.name}: {peak.frequency:.4g} Hz, {peak.amplitude:.3g} px", fontsize=11
    )
    _draw_map(panels[0], analysis, shape.block, shape.amplitude, "amplitude (px)", "inferno")
    _draw_map(panels[1], analysis, shape.block, shape.phase, "phase (rad)", "twilight", np.pi)
    return figure


def _draw_map(
    axes: "Axes",
    analysis: Analysis,
    blocks: NDArray[np.intp],
    values: NDArray[np.float64],
    label: str,
    colours: str,
    limit: float | None = None,
) -> None:
    series = analysis.series
    picture = series.picture
    grey = picture.mean(axis=-1) / np.iinfo(picture.dtype).max
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1.6)
    field = np.full(series.grid.shape[0] * series.grid.shape[1], np.nan)
    field[blocks] = values
    left, top = series.centres[0] - series.grid.step / 2
    right, bottom = series.centres[-1] + series.grid.step / 2
    drawn = axes.imshow(
        field.reshape(series.grid.shape),
        extent=(left, right, bottom, top),
        cmap=colours,
        vmin=0 if limit is None else -limit,
        vmax=limit,
        alpha=0.85,
        interpolation="nearest",
    )
    axes.set_xlim(-0.5, picture.shape[1] - 0.5)
    axes.set_ylim(picture.shape[0] - 0.5, -0.5)
    axes.set_axis_off()
    bar: Any = axes.figure.colorbar(drawn, ax=axes, fraction=0.03, pad=0.01)
    bar.set_label(label)


def plot_measurement(measurement: Measurement, path: Path, kind: str = "png") -> None:
    """Draws each region's waveform, spectrum and orbit, one row a region; "png" or "svg"."""
    places = measurement.places
    figure = new_figure(13, 2.9 * len(places) + 0.4)
    figure.suptitle(measurement.path.name, fontsize=11)
    rows = figure.subplots(len(places), 3, squeeze=False, width_ratios=(2.2, 1.6, 1))
    for place, (waveform, spectrum, orbit) in zip(places, rows, strict=True):
        _draw_waveform(waveform, measurement, place)
        _draw_place_spectrum(spectrum, place)
        orbit.plot(*place.displacement.T, color=LINE, linewidth=0.6)
        orbit.set(xlabel="dx (px, right)", ylabel="dy (px, down)", aspect="equal")
        orbit.set_adjustable("datalim")
        orbit.invert_yaxis()
        orbit.grid(visible=True, alpha=0.25)
    # Matplotlib judges by the suffix, and a file that is not yet in its place may have another.
    figure.savefig(path, format=kind)


def _draw_waveform(axes: "Axes", measurement: Measurement, place: PlaceMotion) -> None:
    for values, error, label, colour in zip(
        place.displacement.T,
        place.error.T,
        ("dx (right)", "dy (down)"),
        (LINE, SECOND),
        strict=True,
    ):
        axes.plot(measurement.times, values, color=colour, linewidth=0.8, label=label)
        axes.fill_between(
            measurement.times, values - error, values + error, color=colour, alpha=0.25, linewidth=0
        )
    axes.set(xlabel="time (s)", ylabel="displacement (px)")
    x, y, width, height = place.region
    axes.set_title(f"{place.name}: {width}x{height} at {x},{y}", fontsize=9, loc="left")
    axes.legend(fontsize=8, loc="upper right")
    axes.grid(visible=True, alpha=0.25)


def _draw_place_spectrum(axes: "Axes", place: PlaceMotion) -> None:
    axes.set(xlabel="frequency (Hz)", ylabel="amplitude along the axis (px)")
    if place.spectra is None:
        axes.text(0.5, 0.5, "no spectrum: short, or lost", ha="center", transform=axes.transAxes)
        return
    found = place.spectra
    shown = slice(1, None)
    axes.semilogy(
        found.frequencies[shown], np.sqrt(found.power[shown, 0]), color=LINE, linewidth=0.8
    )
    axes.semilogy(
        found.frequencies[shown], np.sqrt(found.floor[shown, 0]), color=GREY, linewidth=0.8
    )
    for peak in place.peaks[:3]:
        axes.annotate(
            f"{peak.frequency:.4g} Hz", (peak.frequency, peak.amplitude), fontsize=8, va="bottom"
        )
    axes.margins(y=0.15)
    axes.grid(visible=True, alpha=0.25)
