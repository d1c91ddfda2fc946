"""What a camera or an encoder repeated instead of recording it.

An encoder that finds little change copies a block from the frame before: motion below about a
fifth of a pixel is then missing from the file, and no estimator brings it back. A file may also
hold whole frames several times, as after a change of its frame rate: then false motion appears at
frequencies that the camera cannot have seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magnify.motion.luma import Levels

CELL = 8
"""Pixels of a block that video encoders copy."""
TEXTURED = 4.0
"""Mean squared gradient, (levels / px)², above which a cell's motion could be seen."""
PERIODS = (2, 3, 5)
"""Repeated frames come every second, third or (telecine) fifth."""
REPEAT_RATIO = 2.5
"""So many times less than others changes a frame that repeats the one before."""
LEAST_BRIGHTNESS_RATIO = 2.0
LEAST_REPETITIONS = 4
"""Periods that a clip must hold before its pattern counts."""


class CopiedBlocks:
    """Counts the 8x8 cells of each picture that are exactly those of the picture before.

    Only cells count that have texture in the first picture; `step` is one grey level of the
    source on the scale of 0 to 255, below half of which differences are rounding.
    """

    def __init__(self, first: Levels, step: float = 1.0) -> None:
        self._tolerance = step / 2
        self._last = _whole_cells(first)
        energy: Levels = np.square(np.gradient(self._last)).sum(0)
        self._textured = _cells(energy).mean((1, 3)) >= TEXTURED

    def feed(self, picture: Levels) -> float:
        """The share of textured cells that are copies; NaN where nothing has texture."""
        picture = _whole_cells(picture)
        change = _cells(np.abs(picture - self._last)).max((1, 3))
        self._last = picture
        copied = change[self._textured] < self._tolerance
        return float(copied.mean()) if copied.size else float("nan")


def _whole_cells(picture: Levels) -> Levels:
    height, width = (side // CELL * CELL for side in picture.shape)
    return picture[:height, :width]


def _cells(picture: Levels) -> Levels:
    height, width = picture.shape
    return picture.reshape(height // CELL, CELL, width // CELL, CELL)


@dataclass(frozen=True)
class Repetition:
    """Which frames of a clip repeat the one before.

    Attributes:
        period: frames after which the pattern starts anew.
        repeats: the places in a period, counted from 0, whose frame is a repeat.
        ratio: how many times less a repeat changes than any other frame.
    """

    period: int
    repeats: tuple[int, ...]
    ratio: float

    def originals(self, frames: int) -> NDArray[np.intp]:
        """The last of each run of equal frames, of so many: an encoder refines what it repeats."""
        follows = np.isin(np.arange(1, frames + 1) % self.period, self.repeats)
        return np.flatnonzero(~follows)


def find_repetition(
    brightness: NDArray[np.float64], *changes: NDArray[np.float64]
) -> Repetition | None:
    """Finds repeated frames from how much each frame differs from the one before.

    Series of the size of the change from frame t - 1 to frame t, each (T,), with nothing at 0. One
    of `changes`, such as of positions or of grey levels, must show a pattern that `brightness`
    has as well: motion in step with the frames makes such patterns too, but not of brightness,
    and B-frames make every second change of the grey levels smaller.
    """
    for period in PERIODS:
        if len(brightness) < LEAST_REPETITIONS * period:
            continue
        of_brightness = _typical(brightness, period)
        for change in changes:
            typical = _typical(change, period)
            places = _quiet_places(typical)
            if places and _contrast(of_brightness, places) > LEAST_BRIGHTNESS_RATIO:
                return Repetition(period, places, _contrast(typical, places))
    return None


def _typical(changes: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """The mean change at each place in the period, with no weight on single cuts."""
    number = np.arange(len(changes))
    changes = changes.clip(None, np.quantile(changes, 0.95))
    return np.array(
        [changes[(number > 0) & (number % period == place)].mean() for place in range(period)]
    )


def _quiet_places(typical: NDArray[np.float64]) -> tuple[int, ...]:
    """Places in the period that change far less than all others."""
    order = np.argsort(typical)
    for count in range(1, len(typical)):
        places = tuple(sorted(int(place) for place in order[:count]))
        if _contrast(typical, places) > REPEAT_RATIO:
            return places
    return ()


def _contrast(typical: NDArray[np.float64], places: tuple[int, ...]) -> float:
    """How many times more than at `places` changes at every other place."""
    others = np.delete(typical, places)
    return float(others.min() / max(typical[list(places)].max(), 1e-9))
