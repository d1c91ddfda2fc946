"""Draws scenes for evaluation: the magnified motion is settled, alpha decides the input's.

They have few frames, as networks look at two at a time.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.lab.evaluation.degradation import Degradation
from magnify.lab.evaluation.fidelity import MARGIN
from magnify.lab.synthesis import Mover, ObjectScene, Photographs, SceneSettings
from magnify.lab.synthesis.object_scenes import Mask
from magnify.video import Picture

OBJECT_SIZE = {Mover.OBJECT: 0.5, Mover.BACKGROUND: 0.25, Mover.NOTHING: 0.5}
"""Longest side of the object relative to the frame's: most of what moves must stay in view."""


class KnownScene:
    """A scene whose magnified motion is settled; alpha decides the motion of its input.

    The truth's displacements are evenly spread from -peak to peak, beginning with 0. The input's
    are those over alpha (as in LBVMM's figure 8). The same size, mover and number give the same
    pictures and direction, whatever the motion.

    Attributes:
        levels: the truth (T, H, W, 3) in levels of 255, not rounded.
        displacement: of what moves, since frame 0: (T, 2), pixels right and down.
        moving: (H, W), where frame 0 shows what moves and no frame hides it.
        still: (H, W), where no frame shows anything that moves.
    """

    def __init__(
        self,
        photographs: Photographs,
        mover: Mover,
        size: int,
        number: int,
        peak: float,
        frames: int,
    ) -> None:
        """Draws the scene and renders its truth.

        Args:
            photographs: on the CPU.
            size: height and width in pixels.
            number: which scene.
            peak: longest magnified displacement in pixels.
            frames: how many; odd, as 0 is among the displacements.
        """
        longest = OBJECT_SIZE[mover]
        settings = SceneSettings(size=size, object_size=(longest, longest))
        down, right = _direction(number)
        generator = torch.Generator().manual_seed(number)
        self._scene = ObjectScene.draw(photographs, settings, mover, (down, right), generator)
        self._number = number
        self._magnified = torch.linspace(-peak, peak, frames).roll(frames // 2 + 1)
        self.levels = self._render(self._magnified)
        self.displacement = self._magnified.double().numpy()[:, None] * (right, down)
        way = torch.linspace(-peak, peak, 2 * math.ceil(peak / 2) + 1)
        self.moving = self._scene.moving(way, MARGIN)
        self.still = self._scene.still(way, MARGIN)

    def video(self, alpha: float, degradation: Degradation) -> "SceneVideo":
        """Renders the input that becomes the truth when its motion is magnified by `alpha`.

        Where the camera changes its colours, the truth has the input's, and nothing stands still.
        """
        return SceneVideo(
            alpha=alpha,
            pictures=degradation.apply(self._render(self._magnified / alpha), self._number),
            levels=degradation.recolour(self.levels, self._number),
            displacement=self.displacement,
            moves=self.moving,
            still=self.still & (not degradation.recoloured),
        )

    def _render(self, displacements: Tensor) -> NDArray[np.float32]:
        frames = self._scene.render(displacements)
        levels: NDArray[np.float32] = (frames.permute(0, 2, 3, 1) * 255).contiguous().numpy()
        return levels


def _direction(number: int) -> tuple[float, float]:
    """Gives a unit vector (down, right): down in scene 0, then turned by the golden angle."""
    angle = math.pi * (0.5 + number * (3 - math.sqrt(5)))
    down, right = torch.tensor([math.sin(angle), math.cos(angle)]).tolist()
    return down, right


@dataclass(frozen=True)
class SceneVideo:
    """A drawn test video in memory, with its truth; attributes are as of `KnownScene`.

    Attributes:
        alpha: the total factor.
        pictures: the input (T, H, W, 3).
    """

    alpha: float
    pictures: Picture
    levels: NDArray[np.float32]
    displacement: NDArray[np.float64]
    moves: Mask
    still: Mask

    def moving(self) -> Mask:
        return self.moves

    def frames(
        self,
    ) -> Generator[tuple[Picture, NDArray[np.float32], NDArray[np.float64]], None, None]:
        yield from zip(self.pictures, self.levels, self.displacement, strict=True)
