"""Displacements as universal files, which modal analysis programs read.

Datasets 15 (nodes) and 58 (functions at nodes), in ASCII, as the SDRC and University of Cincinnati
formats describe them. A node for each region; direction 1 is to the right, and -2 is down, so that
+Y is up, as those programs have it. Lengths are in metres where the scale is known, else in px.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.measurement import Measurement
from magnify.analysis.place_motion import PlaceMotion
from magnify.analysis.recording import UNEVEN
from magnify.analysis.spectra import Segments, density, spectra
from magnify.version import __version__

Values = NDArray[np.float64]

DELIMITER = f"{-1:6d}\n"
RIGHT, DOWN = 1, -2
TIME_RESPONSE, AUTO_SPECTRUM = 1, 2
TIME, FREQUENCY, DISPLACEMENT, GENERAL = 17, 18, 8, 0
REAL_DOUBLE = 4


def write_uff(measurement: Measurement, path: Path) -> list[str]:
    """Writes nodes, time responses and auto spectra; the names of the regions left out.

    The format has no mark for a value that is missing, so a region that was lost is left out; and
    auto spectra are those of evenly spaced frames.
    """
    kept = [place for place in measurement.places if not place.lost]
    with path.open("w", encoding="ascii", errors="replace") as file:
        file.writelines(_nodes(measurement, kept))
        for node, place in enumerate(kept, 1):
            file.writelines(_functions(measurement, place, node))
    return [place.name for place in measurement.places if place.lost]


def _unit(measurement: Measurement) -> tuple[float, str]:
    """The unit's length of a pixel, and its name."""
    return (1.0, "px") if measurement.scale is None else (measurement.scale.metres, "m")


def _nodes(measurement: Measurement, places: Sequence[PlaceMotion]) -> Iterator[str]:
    scale, _ = _unit(measurement)
    yield f"{DELIMITER}{15:6d}\n"
    for node, place in enumerate(places, 1):
        x, y, width, height = place.region
        right, down = x + (width - 1) / 2, y + (height - 1) / 2
        yield f"{node:10d}{0:10d}{0:10d}{8:10d}"
        yield f"{right * scale:13.5E}{-down * scale:13.5E}{0:13.5E}\n"
    yield DELIMITER


def _functions(measurement: Measurement, place: PlaceMotion, node: int) -> Iterator[str]:
    scale, unit = _unit(measurement)
    even = measurement.jitter <= UNEVEN
    values = place.displacement * scale
    times = measurement.times
    segments = Segments.of(times, even)
    power = spectra(values, segments, segments.resolution)
    for axis, direction in enumerate((RIGHT, DOWN)):
        yield from _function(
            place.name, node, direction, TIME_RESPONSE, times, values[:, axis], unit, even
        )
        yield from _function(
            place.name,
            node,
            direction,
            AUTO_SPECTRUM,
            power.frequencies,
            density(power)[:, axis],
            f"{unit}^2/Hz",
            True,
        )


def _function(
    name: str,
    node: int,
    direction: int,
    kind: int,
    abscissa: Values,
    ordinate: Values,
    unit: str,
    even: bool,
) -> Iterator[str]:
    responds = kind == TIME_RESPONSE
    yield f"{DELIMITER}{58:6d}\n"
    for line in (name, "displacement" if responds else "auto spectrum of displacement"):
        yield f"{line:.80}\n"
    yield f"{datetime.now(UTC):%d-%b-%y %H:%M:%S}\n{f'magnify {__version__}'}\nNONE\n"
    entity = f"{'NONE':<10}"
    yield f"{kind:5d}{0:10d}{0:5d}{0:10d} {entity}{node:10d}{direction:4d}"
    yield f" {entity}{node:10d}{direction:4d}\n"
    step = abscissa[1] - abscissa[0] if even else 0.0
    yield f"{REAL_DOUBLE:10d}{len(abscissa):10d}{int(even):10d}"
    yield f"{abscissa[0]:13.5E}{step:13.5E}{0:13.5E}\n"
    label = ("Time", "s") if responds else ("Frequency", "Hz")
    yield _axis(TIME if responds else FREQUENCY, *label)
    yield _axis(DISPLACEMENT if responds else GENERAL, "Displacement", unit)
    yield _axis(GENERAL, "NONE", "NONE") * 2
    yield from _data(abscissa, ordinate, even)
    yield DELIMITER


def _axis(kind: int, label: str, unit: str) -> str:
    return f"{kind:10d}{0:5d}{0:5d}{0:5d} {label:<20.20} {unit:<20.20}\n"


def _data(abscissa: Values, ordinate: Values, even: bool) -> Iterable[str]:
    if even:
        for start in range(0, len(ordinate), 4):
            yield "".join(f"{value:20.12E}" for value in ordinate[start : start + 4]) + "\n"
    else:
        pairs = list(zip(abscissa, ordinate, strict=True))
        for start in range(0, len(pairs), 2):
            yield "".join(f"{x:13.5E}{y:20.12E}" for x, y in pairs[start : start + 2]) + "\n"
