"""A measurement as tables (CSV) and as one object (JSON); conventions as in `tables`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.cautions import COPIED_WARNING, MISSING_BELOW, Caution
from magnify.analysis.measurement import Measurement
from magnify.analysis.place_motion import PlaceMotion
from magnify.analysis.recording import UNEVEN
from magnify.analysis.spectra import bandpassed, density, spectra
from magnify.analysis.tables import CONVENTIONS, degrees, write_table
from magnify.errors import SettingsError
from magnify.motion.tracking import State
from magnify.version import __version__

Values = NDArray[np.float64]
Column = tuple[str, Sequence[Any] | Values]


def write_motion(
    measurement: Measurement, path: Path, band: tuple[float, float] | None = None
) -> None:
    """Writes one row a frame: displacement, standard error, likeness, gain and state.

    A `band` in Hz adds the motion along each region's axis that lies in it. Cells are empty where
    a region is lost.

    Raises:
        SettingsError: the band reaches half the frame rate.
    """
    if band is not None and band[1] >= measurement.rate / 2:
        raise SettingsError(
            f"a band up to {band[1]:g} Hz needs more than {2 * band[1]:g} frames a second; there "
            f"are {measurement.rate:g}: half the frame rate is the limit"
        )
    columns: list[Column] = [
        ("frame", range(len(measurement.times))),
        ("time_s", measurement.times),
    ]
    for place in measurement.places:
        columns += _columns(measurement, place, band)
    names, values = zip(*columns, strict=True)
    write_table(path, names, zip(*values, strict=True))


def _columns(
    measurement: Measurement, place: PlaceMotion, band: tuple[float, float] | None
) -> list[Column]:
    name, scale = place.name, measurement.scale
    moved = {"dx": place.displacement[:, 0], "dy": place.displacement[:, 1], "along": place.along}
    columns: list[Column] = [(f"{name}_{what}_px", values) for what, values in moved.items()]
    if scale is not None:
        columns += [
            (f"{name}_{what}_{scale.unit}", values * scale.per_pixel)
            for what, values in moved.items()
        ]
    if band is not None:
        filtered = bandpassed(place.along, measurement.rate, *band)
        columns.append((f"{name}_band_px", filtered))
    return [
        *columns,
        (f"{name}_dx_se_px", place.error[:, 0]),
        (f"{name}_dy_se_px", place.error[:, 1]),
        (f"{name}_corr", place.likeness),
        (f"{name}_gain", place.gain),
        (f"{name}_state", [str(state) for state in place.states]),
    ]


def write_densities(measurement: Measurement, path: Path) -> None:
    """Writes the power spectral densities, in px²/Hz, of the regions that were never lost."""
    found = {
        place.name: spectra(place.displacement, place.spectra.segments, 0.0)
        for place in measurement.places
        if place.spectra is not None
    }
    if not found:
        return
    columns: list[Column] = [("frequency_hz", next(iter(found.values())).frequencies)]
    for name, spectrum in found.items():
        dx, dy = density(spectrum).T
        columns += [(f"{name}_dx_px2_per_hz", dx), (f"{name}_dy_px2_per_hz", dy)]
    names, values = zip(*columns, strict=True)
    write_table(path, names, zip(*values, strict=True))


def measurement_cautions(measurement: Measurement) -> list[Caution]:
    """What may make a measurement wrong."""
    cautions = []
    for place in measurement.places:
        if place.copied > COPIED_WARNING:
            text = (
                f"{place.name}: {place.copied:.0%} of its 8x8 blocks are copies of the frame "
                f"before; motion below about {MISSING_BELOW:g} px is missing, and the standard "
                "errors are lower bounds"
            )
            cautions.append(Caution("copied-blocks", "warning", text, place.copied, COPIED_WARNING))
        if place.lost:
            text = f"{place.name}: lost in {place.lost:.1%} of the frames, whose cells are empty"
            cautions.append(Caution("lost", "warning", text, place.lost, 0.0))
    if measurement.jitter > UNEVEN:
        text = f"frames come unevenly ({measurement.jitter:.0%}); their own times are used"
        cautions.append(Caution("uneven", "note", text, measurement.jitter, UNEVEN))
    return cautions


def measurement_summary(measurement: Measurement, settings: dict[str, Any]) -> dict[str, Any]:
    """What was measured and how, but for the series."""
    scale = measurement.scale
    return {
        "made_by": f"magnify {__version__}",
        "input": str(measurement.path),
        "settings": settings,
        "frames": len(measurement.times),
        "rate_hz": measurement.rate,
        "jitter": measurement.jitter,
        "scale": None if scale is None else asdict(scale),
        "truncated": None if measurement.truncated is None else str(measurement.truncated),
        "cautions": [asdict(caution) for caution in measurement_cautions(measurement)],
        "regions": {place.name: _place(place) for place in measurement.places},
        "conventions": CONVENTIONS,
    }


def _place(place: PlaceMotion) -> dict[str, Any]:
    sure = np.isfinite(place.along)
    along = place.along[sure]
    error = place.error[sure]
    return {
        "x,y,width,height": list(place.region),
        "states": {str(state): Counter(place.states)[state] for state in State},
        "axis_deg": degrees(place.axis),
        "rms_px": float(along.std()) if len(along) else None,
        "peak_to_peak_px": float(np.ptp(along)) if len(along) else None,
        "standard_error_px": float(error.mean()) if len(error) else None,
        "error_inflation": place.inflation,
        "error_is_lower_bound": place.copied > COPIED_WARNING,
        "copied_share": place.copied,
        "peaks": [
            {"frequency_hz": peak.frequency, "amplitude_px": peak.amplitude, "db": peak.decibels}
            for peak in place.peaks
        ],
        "decay": None if place.decay is None else asdict(place.decay),
    }
