"""The motion of a clip's blocks over time."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.motion.common import common_motion
from magnify.motion.copies import Repetition
from magnify.motion.grid import BlockGrid
from magnify.motion.regions import Region
from magnify.video import Picture

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class MotionSeries:
    """The motion of a clip's blocks over time, along the directions their texture tells.

    A component is one usable direction of one block; a block has none, one or two. Pixels count
    right and down from the centre of the upright picture's first pixel.

    Attributes:
        along: displacement since the reference, in pixels along each component's direction:
            (T, components), float32.
        direction: unit vectors, right and down: (components, 2).
        energy: mean squared gradient, (levels / px)²: (components,).
        block: the block that each component belongs to, counted row by row: (components,).
        centres: of all blocks: (blocks, 2).
        times: seconds on the camera's clock: (T,).
        common: the displacement that most components agree on: (T, 2).
        brightness: mean grey level of each frame: (T,).
        copied: share of textured 8x8 cells that are those of the frame before: (T,).
        difference: mean absolute change of the grey levels since the frame before: (T,).
        travel: mean absolute change of the components since the frame before, in px: (T,).
        light: brightness relative to its mean, median of 4x4 parts of the picture: (T,).
        clipped: share of the pixels at or near black or white: (T,).
        rate: frames per real second that enter the spectrum, in Hz.
        jitter: how unevenly frames come, relative to the typical interval.
        repetition: the pattern of repeated frames, of which one each is kept here.
        stored: frames that the file holds in this range.
        picture: the reference, upright: the first frame, or the second where the first strays.
    """

    along: NDArray[np.float32]
    direction: Values
    energy: Values
    block: NDArray[np.intp]
    centres: Values
    grid: BlockGrid
    times: Values
    common: Values
    brightness: Values
    copied: Values
    difference: Values
    travel: Values
    light: Values
    clipped: Values
    rate: float
    jitter: float
    repetition: Repetition | None
    stored: int
    picture: Picture

    @property
    def duration(self) -> float:
        """Seconds, the last frame's own included."""
        return float(self.times[-1] - self.times[0]) + 1 / self.rate

    @property
    def nyquist(self) -> float:
        """Highest frequency that the typical interval of the frames can hold, in Hz."""
        return float(0.5 / np.median(np.diff(self.times)))

    def stabilised(self, region: Region) -> "MotionSeries":
        """The same without the motion of what is in `region`.

        Raises:
            SettingsError: there is no texture in it.
        """
        x, y = self.centres[self.block].T
        inside = (x >= region.x) & (x < region.x + region.width)
        inside &= (y >= region.y) & (y < region.y + region.height)
        if not inside.any():
            raise SettingsError(f"region {region} has no texture to stabilise on; choose another")
        camera = common_motion(self.along[:, inside], self.direction[inside])
        along = self.along - (camera @ self.direction.T).astype(np.float32)
        return replace(self, along=along, common=self.common - camera)
