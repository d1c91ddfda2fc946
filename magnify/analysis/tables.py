"""An analysis as tables (CSV) and as one object (JSON).

Pixels are those of the upright picture: right and down positive, the origin at the centre of the
top left pixel. Amplitudes are zero to peak, phases in radians, directions in degrees from right,
clockwise as seen.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.analyzing import Analysis
from magnify.analysis.peaks import Peak
from magnify.analysis.spectra import spectra
from magnify.version import __version__

CONVENTIONS = {
    "origin": "centre of the top left pixel of the upright picture",
    "dx": "px, positive to the right",
    "dy": "px, positive downwards",
    "amplitude": "zero to peak; peak to peak is twice, RMS 0.7071 times as much",
    "phase": "radians, of A cos(2 pi f t + phase), t = 0 at the first frame",
    "direction": "degrees from right, clockwise as seen",
    "psd": "one-sided, px^2/Hz",
}


def write_table(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file with one line of names; floats have six digits, None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.6g}"
    return "" if value is None else value


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Writes one JSON object, for people to read too."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def degrees(direction: NDArray[np.floating[Any]]) -> float:
    """The angle of a unit vector (right, down), clockwise as seen, from -180 to 180."""
    return float(np.degrees(np.arctan2(direction[1], direction[0])))


def summary(analysis: Analysis) -> dict[str, Any]:
    """All that an analysis found, but for its maps and curves."""
    series = analysis.series
    repetition = series.repetition
    return {
        "made_by": f"magnify {__version__}",
        "input": str(analysis.path),
        "frames": series.stored,
        "frames_used": len(series.times),
        "rate_hz": series.rate,
        "nyquist_hz": series.nyquist,
        "duration_s": series.duration,
        "resolution_hz": analysis.spectra.segments.resolution,
        "jitter": series.jitter,
        "repetition": None if repetition is None else asdict(repetition),
        "block_px": series.grid.block,
        "blocks": len(series.centres),
        "blocks_with_texture": len(np.unique(series.block)),
        "common_motion_rms_px": series.common.std(axis=0).tolist(),
        "truncated": None if analysis.truncated is None else str(analysis.truncated),
        "cautions": [asdict(caution) for caution in analysis.cautions],
        "peaks": [
            {**_peak(peak), "suggestion": suggestion and asdict(suggestion)}
            for peak, suggestion in zip(analysis.peaks, analysis.suggestions, strict=True)
        ],
        "conventions": CONVENTIONS,
    }


def _peak(peak: Peak) -> dict[str, Any]:
    shape = peak.shape
    loudest = int(shape.amplitude.argmax())
    return {
        "frequency_hz": peak.frequency,
        "resolution_hz": peak.resolution,
        "score_db": peak.score,
        "amplitude_px": peak.amplitude,
        "peak_to_peak_px": 2 * peak.amplitude,
        "rms_px": peak.amplitude / 2**0.5,
        "direction_deg": degrees(shape.main_direction),
        "phase_rad": shape.absolute_phase,
        "blocks": len(shape.block),
        "share_of_components": shape.components / shape.usable,
        "loudest_x": float(shape.position[loudest, 0]),
        "loudest_y": float(shape.position[loudest, 1]),
        "harmonic_of_hz": peak.harmonic_of,
        "moves_as_a_whole": peak.whole,
        "doubt": peak.doubt,
    }


def write_tables(analysis: Analysis, folder: Path) -> None:
    """Writes summary.json, spectrum.csv, peaks.csv, blocks.csv, and a peak_N.csv for each peak."""
    write_json(folder / "summary.json", summary(analysis))
    _write_spectrum(analysis, folder / "spectrum.csv")
    peaks = [_peak(peak) for peak in analysis.peaks]
    if peaks:
        write_table(
            folder / "peaks.csv",
            ["number", *peaks[0]],
            ([number, *peak.values()] for number, peak in enumerate(peaks, 1)),
        )
    _write_blocks(analysis, folder / "blocks.csv")
    for number, peak in enumerate(analysis.peaks, 1):
        _write_shape(peak, folder / f"peak_{number}.csv")


def _write_spectrum(analysis: Analysis, path: Path) -> None:
    segments, scores = analysis.spectra.segments, analysis.scores
    common = spectra(analysis.series.common, segments, segments.resolution).power.sum(1)
    write_table(
        path,
        [
            "frequency_hz",
            "amplitude_px",
            "pooled_db",
            "loudest_db",
            "common_px",
            "brightness_share",
        ],
        zip(
            analysis.spectra.frequencies,
            scores.amplitude,
            np.where(scores.pooled > -99, scores.pooled, np.nan),
            np.where(scores.loudest > -99, scores.loudest, np.nan),
            np.sqrt(common),
            analysis.brightness.share,
            strict=True,
        ),
    )


def _write_blocks(analysis: Analysis, path: Path) -> None:
    """Each component: a block with two usable directions has two lines."""
    series = analysis.series
    floor = np.sqrt(np.median(analysis.spectra.floor, axis=0))
    write_table(
        path,
        ["x", "y", "direction_deg", "texture", "floor_px"],
        (
            [*series.centres[block], degrees(direction), energy, least]
            for block, direction, energy, least in zip(
                series.block, series.direction, series.energy, floor, strict=True
            )
        ),
    )


def _write_shape(peak: Peak, path: Path) -> None:
    shape = peak.shape
    write_table(
        path,
        ["x", "y", "amplitude_px", "phase_rad", "direction_deg", "snr"],
        (
            [*position, amplitude, phase, degrees(direction), snr]
            for position, amplitude, phase, direction, snr in zip(
                shape.position,
                shape.amplitude,
                shape.phase,
                shape.direction,
                shape.snr,
                strict=True,
            )
        ),
    )
