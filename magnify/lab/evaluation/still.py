"""Measures how steady a network leaves what is known to stand still in a real clip.

What stands still moves in the picture all the same where the camera sways, by a tenth of a pixel
perhaps, and to magnify that is right. So the output is measured as it is, and stabilised.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.lab.evaluation.excerpt import excerpt
from magnify.lab.evaluation.methods import Method
from magnify.lab.evaluation.quality import (
    RunningDeviation,
    TemporalDeviation,
    levels,
    temporal_deviation,
)
from magnify.motion.regions import Region
from magnify.motion.registration import Displacement, TextureError, displacement
from magnify.video import Picture

SPLINE_REACH = 12
"""Pixels beyond which an interpolating cubic spline does not depend on a value (1e-7 of it)."""


@dataclass(frozen=True)
class StillScore:
    """Temporal deviation of one region in grey levels of 255.

    Attributes:
        output, input: as they are.
        stabilised: of the output, each frame moved back by alpha times the camera's displacement
            since the first; of the pixels that no frame has outside the picture. None without
            any, or without `sway`.
        sway: of the camera in the input, standard deviation over time in pixels; None where the
            regions do not tell it: they have no texture, or moved by more than `DRIFT` pixels.
    """

    region: Region
    alpha: float
    output: TemporalDeviation
    input: TemporalDeviation
    stabilised: TemporalDeviation | None
    sway: Displacement | None


def evaluate_still(
    method: Method,
    clip: Path,
    regions: list[Region],
    alphas: tuple[float, ...],
    frames: int,
) -> Iterator[StillScore]:
    """Magnifies `frames` frames spread over a clip, the first one the reference, at each alpha.

    The camera's displacement is the one that all regions together have in the input. The clip is
    read at once, the network works when the scores are asked for.

    Raises:
        VideoError: the clip cannot be read.
        SettingsError: a region leaves the picture, or there are fewer than two frames.
    """
    pictures = excerpt(clip, frames)
    inputs = [temporal_deviation(levels(region.cut(pictures))) for region in regions]

    def scores() -> Iterator[StillScore]:
        camera = _camera(pictures, regions)
        sway = None if camera is None else Displacement(*camera.std(axis=0).tolist())
        for alpha in alphas:
            output = method(pictures, alpha, None)
            for region, before in zip(regions, inputs, strict=True):
                after = temporal_deviation(levels(region.cut(output)))
                stabilised = None if camera is None else _stabilised(output, region, alpha * camera)
                yield StillScore(region, alpha, after, before, stabilised, sway)

    return scores()


def _camera(pictures: Picture, regions: list[Region]) -> NDArray[np.float64] | None:
    """Finds how far the camera has moved the regions since the first picture: (T, 2)."""
    still = np.zeros((1, *pictures.shape[1:3]), bool)
    for region in regions:
        region.cut(still)[:] = True
    try:
        moved = [displacement(pictures[0], picture, still[0], reach=0) for picture in pictures[1:]]
    except TextureError:
        return None
    return np.array([(0.0, 0.0), *moved])


def _stabilised(
    pictures: Picture, region: Region, shifts: NDArray[np.float64]
) -> TemporalDeviation | None:
    """Measures the region's deviation once picture t is moved back by `shifts[t]`."""
    size = np.array(pictures.shape[2:0:-1])
    start, length = np.array(region[:2]), np.array(region[2:])
    least, most = shifts.min(axis=0), shifts.max(axis=0)
    # What no shift takes out of the picture, and around it what the interpolation looks at.
    first = np.maximum(start, np.ceil(-least)).astype(int)
    last = np.minimum(start + length, np.floor(size - most)).astype(int)
    if (first >= last).any():
        return None
    left, top = np.maximum(first + np.floor(least) - SPLINE_REACH, 0).astype(int)
    right, bottom = np.minimum(last + np.ceil(most) + SPLINE_REACH, size).astype(int)
    columns, rows = map(slice, first - (left, top), last - (left, top))
    running = RunningDeviation()
    for picture, (dx, dy) in zip(pictures, shifts, strict=True):
        moved = ndimage.shift(
            levels(picture[top:bottom, left:right]), (-dy, -dx, 0), order=3, mode="nearest"
        )
        running.feed(moved[None, rows, columns])
    return running.value()
