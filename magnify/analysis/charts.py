"""What a page draws: a spectrum and maps, as numbers for SVG."""

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.analyzing import Analysis
from magnify.analysis.peaks import Peak
from magnify.analysis.suggestion import Suggestion
from magnify.analysis.tables import degrees

LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 54, 28, 900, 320, 890, 272
"""Pixels of a spectrum: where its axes lie, and how large it is."""

STEPS = (1, 2, 5, 10)
TICKS = 8
"""Marks along the frequencies, about."""

DARK, BRIGHT = np.array([38, 15, 90]), np.array([255, 220, 60])
"""Colours of the least and of the largest motion."""


@dataclass(frozen=True)
class Tick:
    """A mark: where it is, and what it says."""

    place: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A spectrum: its curve as an SVG path, the marks of its axes, and those of its peaks."""

    path: str
    across: list[Tick]
    down: list[Tick]
    marks: list[Tick]
    left: int = LEFT
    top: int = TOP
    right: int = RIGHT
    bottom: int = BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def spectrum_chart(analysis: Analysis) -> Chart:
    """The amplitude of the textured picture, in px on a logarithmic axis, over Hz."""
    shown = analysis.scores.loudest > -99
    frequencies = analysis.spectra.frequencies[shown]
    amplitude = analysis.scores.amplitude[shown].clip(1e-9)
    lowest, highest = float(frequencies[0]), float(frequencies[-1])
    least, most = floor(log10(amplitude.min())), ceil(log10(amplitude.max()))
    most = max(most, least + 1)

    def across(frequency: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (frequency - lowest) / (highest - lowest), 1)

    def down(level: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (level - least) / (most - least), 1)

    points = (f"{across(f)},{down(log10(a))}" for f, a in zip(frequencies, amplitude, strict=True))
    return Chart(
        path="M" + "L".join(points),
        across=[Tick(across(f), f"{f:g}") for f in _round_numbers(lowest, highest)],
        down=[Tick(down(level), f"{10.0**level:g}") for level in range(least, most + 1)],
        marks=[
            Tick(across(peak.frequency), str(number))
            for number, peak in enumerate(analysis.peaks, 1)
        ],
    )


def _round_numbers(low: float, high: float) -> list[float]:
    rough = (high - low) / TICKS
    scale = 10.0 ** floor(log10(rough))
    step = next(step * scale for step in STEPS if step * scale >= rough)
    return [round(n * step, 9) for n in range(ceil(low / step), floor(high / step) + 1)]


def peak_chart(analysis: Analysis, peak: Peak, suggestion: Suggestion | None) -> dict[str, Any]:
    """A peak as a row of a table, and as squares over the picture."""
    shape = peak.shape
    side = analysis.series.grid.step
    most = float(shape.amplitude.max())
    remarks = [
        (f"multiple of {peak.harmonic_of or 0:.4g} Hz", peak.harmonic_of is not None),
        ("nearly everything moves as one", peak.whole),
        (f"perhaps no motion ({peak.doubt})", peak.doubt is not None),
    ]
    return {
        "frequency": f"{peak.frequency:.4g}",
        "amplitude": f"{peak.amplitude:.3g}",
        "blocks": len(shape.block),
        "direction": round(degrees(shape.main_direction)),
        "remarks": ", ".join(remark for remark, holds in remarks if holds),
        "command": None if suggestion is None else suggestion.command,
        "most": f"{most:.3g}",
        "map": [
            {
                "x": round(x - side / 2, 1),
                "y": round(y - side / 2, 1),
                "side": side,
                "colour": _colour(amplitude / most),
                "amplitude": f"{amplitude:.3g}",
            }
            for (x, y), amplitude in zip(shape.position, shape.amplitude, strict=True)
        ],
    }


def _colour(share: float) -> str:
    mixed: NDArray[np.float64] = DARK + (BRIGHT - DARK) * share
    return "#" + "".join(f"{round(float(part)):02x}" for part in mixed)
