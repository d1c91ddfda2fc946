"""A measured motion beside a known one, such as a sensor's: how alike, how large, how late."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError

Values: TypeAlias = NDArray[np.float64]

LATEST = 0.5
"""Of the shorter record: how much later or earlier the known motion may be."""

FINER = 20
"""Steps of the search between two frames."""

ALIKE = 1e-3
"""Correlations that differ by less are the same: a sine repeats itself."""

LEAST_SHARED = 8
"""Frames that both records must cover."""


@dataclass(frozen=True)
class Agreement:
    """How a measured motion goes with a known one.

    Attributes:
        correlation: of the two where they agree best, -1 to 1.
        gain: the measured motion over the known one; below 0 where the axes point apart.
        lag_s: how many seconds later the measured one is.
        error: root mean square of what is left, in the units of the measured motion.
        frames: how many were compared.
    """

    correlation: float
    gain: float
    lag_s: float
    error: float
    frames: int


def read_trace(path: Path) -> tuple[Values, Values]:
    """A known motion: seconds and displacement, the first two columns of a CSV file.

    Raises:
        SettingsError: it cannot be read, is no table of numbers, or its times do not increase.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"{path}: cannot be read as a trace: {reason}") from error
    try:
        found = np.array([[float(row[0]), float(row[1])] for row in rows[not _is_number(rows) :]])
    except (ValueError, IndexError) as error:
        raise SettingsError(
            f"{path}: is no trace; it needs seconds and a displacement in each line"
        ) from error
    if len(found) < 2 or not np.isfinite(found).all() or not (np.diff(found[:, 0]) > 0).all():
        raise SettingsError(f"{path}: is no trace; it needs times that increase, and numbers")
    return found[:, 0], found[:, 1]


def _is_number(rows: list[list[str]]) -> bool:
    """Whether the first line holds values; else it names the columns."""
    try:
        float(rows[0][0])
    except (ValueError, IndexError):
        return False
    return True


def agreement(times: Values, measured: Values, known_times: Values, known: Values) -> Agreement:
    """Compares two records, each without its mean, at the lag where they are most alike.

    Args:
        times, measured: of each frame; NaN where it is lost.
        known_times, known: of the trace, at times of its own on the same clock.

    Raises:
        SettingsError: they share too few frames, or one of them does not move.
    """
    usable = np.isfinite(measured)
    times, measured = times[usable], measured[usable]
    if len(times) < LEAST_SHARED:
        raise SettingsError("too few frames were measured to compare them with a trace")
    reach = LATEST * min(np.ptp(times), np.ptp(known_times))
    step = float(np.median(np.diff(times))) / FINER
    best: Agreement | None = None
    most = int(reach / step)
    for number in sorted(range(-most, most + 1), key=abs):  # of equals, the shortest
        found = _at(step * number, times, measured, known_times, known)
        if found is None:
            continue
        if best is None or abs(found.correlation) > abs(best.correlation) + ALIKE:
            best = found
    if best is None:
        raise SettingsError(
            "the trace and the clip share too few frames, or one of them holds still; their times "
            "count from the clip's first frame"
        )
    return best


def _at(
    lag: float, times: Values, measured: Values, known_times: Values, known: Values
) -> Agreement | None:
    shared = (times - lag >= known_times[0]) & (times - lag <= known_times[-1])
    if shared.sum() < max(LEAST_SHARED, LATEST * len(times)):
        return None
    there = np.interp(times[shared] - lag, known_times, known)
    here = measured[shared] - measured[shared].mean()
    there = there - there.mean()
    power = float(there @ there)
    if power <= 0 or not here.any():
        return None
    gain = float(here @ there) / power
    correlation = float(here @ there) / float(np.sqrt(power * (here @ here)))
    error = float(np.sqrt(np.mean((here - gain * there) ** 2)))
    return Agreement(correlation, gain, lag, error, int(shared.sum()))
