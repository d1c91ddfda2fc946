"""Draws scores over alpha."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from magnify.errors import SettingsError
from magnify.lab.evaluation.scenes import Case, SceneScore
from magnify.lab.evaluation.sweeps import SWEEPS, Row
from magnify.lab.synthesis import Mover

PANELS = {
    "gain": "motion gain (1 is right)",
    "ssim": "SSIM",
    "still_luma": "temporal deviation where still, luma (grey levels)",
    "still_chroma": "temporal deviation where still, chroma (grey levels)",
}


SUFFIXES = (".png", ".pdf", ".svg")


def check_plot(path: Path) -> None:
    """Checks that scores can be drawn there, before any work that would be lost.

    Raises:
        SettingsError: matplotlib is not installed, the folder is missing, or the suffix unknown.
    """
    _import_matplotlib()
    if path.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{path}: a plot's name ends in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise SettingsError(
            f"{path.parent} is not a folder: make it, or choose another for the plot"
        )


def _import_matplotlib() -> ModuleType:
    try:
        import matplotlib.figure
    except ImportError as error:
        raise SettingsError(
            "a plot needs matplotlib: pip install 'magnify-video[evaluate]'"
        ) from error
    return matplotlib.figure


def plot_scores(scores: dict[Case, SceneScore], title: str, path: Path) -> None:
    """Draws a panel for each measure, a line for each kind of video; `path` decides the format.

    Raises:
        SettingsError: matplotlib is missing, or cannot write such a file.
    """
    figure = _import_matplotlib().Figure(figsize=(12, 9), layout="constrained")
    figure.suptitle(title)
    for axes, (name, label) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        for line, points in _lines(scores, name).items():
            axes.plot(*zip(*sorted(points), strict=True), marker="o", label=line)
        axes.set(xlabel="alpha", ylabel=label, xscale="log")
        axes.grid(visible=True, alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be written as a plot: {error}") from error


def plot_sweeps(rows: Sequence[Row], path: Path) -> None:
    """Draws two panels a sweep, gain and SSIM, a line for each method; an SVG.

    Raises:
        SettingsError: matplotlib is missing, or it cannot be written.
    """
    names = list(dict.fromkeys(row.sweep for row in rows))
    figure = _import_matplotlib().Figure(figsize=(11, 3.2 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 2, squeeze=False)
    for name, (gain, likeness) in zip(names, panels, strict=True):
        for method in dict.fromkeys(row.method for row in rows):
            own = [row for row in rows if (row.sweep, row.method) == (name, method)]
            known = [row for row in own if row.score.gain is not None]
            gain.plot(
                [row.value for row in known], [row.score.gain for row in known], ".-", label=method
            )
            likeness.plot([row.value for row in own], [row.score.ssim for row in own], ".-")
        for axes, label in ((gain, "gain (1 is right)"), (likeness, "SSIM")):
            axes.set(xscale="log", xlabel=SWEEPS[name].axis, ylabel=label)
            axes.grid(visible=True, alpha=0.3)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    try:
        figure.savefig(path, format="svg")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written as a plot: {error.strerror}") from error


def _lines(scores: dict[Case, SceneScore], name: str) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for case, score in scores.items():
        value = getattr(score, name)
        if value is not None and case.alpha != 1 and case.moves is not Mover.NOTHING:
            line = f"{case.moves} {case.peak:g} px, {case.size} px, {case.degradation.label}"
            lines.setdefault(line, []).append((case.alpha, value))
    return lines
