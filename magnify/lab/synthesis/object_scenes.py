"""Draws the scenes of test videos: one object before one photograph, and one of the two moves.

FD4MM's test set has such scenes. Whatever the pixels, motion and truth are known exactly.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Generator, Tensor

from magnify.lab.synthesis.drawing import SceneSettings, draw_scenes
from magnify.lab.synthesis.photographs import Photographs
from magnify.lab.synthesis.scenes import Part, Scenes

SHOWN = 0.99
"""A pixel shows a layer where the layer's share is larger."""

Mask = NDArray[np.bool_]


class Mover(StrEnum):
    """What moves in a scene of one object."""

    OBJECT = "object"
    BACKGROUND = "background"
    NOTHING = "nothing"


@dataclass(frozen=True)
class ObjectScene:
    """One object in the middle of one photograph; one of the two moves along a line, or neither.

    Attributes:
        scenes: this one scene. Factors multiply its motion.
        mover: what moves.
    """

    scenes: Scenes
    mover: Mover

    @classmethod
    def draw(
        cls,
        photographs: Photographs,
        settings: SceneSettings,
        mover: Mover,
        motion: tuple[float, float],
        generator: Generator,
    ) -> Self:
        """Draws a scene.

        Args:
            photographs: a background and a cut-out are picked from them.
            settings: of how many objects, strings and motion is decided here.
            motion: displacement of what moves, in pixels down and right.
            generator: on the CPU.
        """
        settings = replace(settings, objects=(1, 1), strings=0.0, magnified_motion=30.0)
        part = torch.tensor([Part.OBJECTS_MOVE])
        scenes = draw_scenes(photographs, settings, part, generator)
        background, cutout = scenes.layers
        rest, moved = torch.zeros(1, 2), torch.tensor([motion])
        centred = cutout.extent / 2 - settings.size / 2 * cutout.scale[:, None]
        background = replace(background, motion=moved if mover is Mover.BACKGROUND else rest)
        cutout = replace(cutout, origin=centred, motion=moved if mover is Mover.OBJECT else rest)
        return cls(replace(scenes, layers=(background, cutout)), mover)

    def render(self, factors: Tensor) -> Tensor:
        """Renders the scene displaced by its motion times each factor (T,): (T, 3, H, W)."""
        return self.scenes.render(factors[None])[0]

    def moving(self, factors: Tensor, margin: float = 0.0) -> Mask:
        """Finds where the scene at rest shows what moves, and no factor takes it out of sight.

        Args:
            factors: (T,).
            margin: pixels that are left out beside every edge of it.

        Returns:
            (H, W); false everywhere where nothing moves.
        """
        if self.mover is Mover.NOTHING:
            return np.zeros((self.scenes.height, self.scenes.width), bool)
        layer = int(self.mover is Mover.OBJECT)
        shown = self._shown(torch.zeros(1))[0, layer]
        moved = self.scenes.displacement(factors[None])[0, :, layer]
        if self.mover is Mover.BACKGROUND:
            return eroded(shown, margin + float(torch.linalg.vector_norm(moved, dim=1).max()))
        for axis, side in enumerate(shown.shape):
            where = torch.arange(side) + moved[:, axis, None]
            inside = ((where >= 0) & (where <= side - 1)).all(dim=0).numpy()
            shown = shown & (inside[:, None] if axis == 0 else inside)
        return eroded(shown, margin)

    def still(self, factors: Tensor, margin: float = 0.0) -> Mask:
        """Finds where no factor (T,) brings anything that moves, nor beside it: (H, W)."""
        if self.mover is Mover.NOTHING:
            return np.ones((self.scenes.height, self.scenes.width), bool)
        layer = int(self.mover is Mover.BACKGROUND)
        return eroded(np.logical_and.reduce(self._shown(factors)[:, layer]), margin)

    def _shown(self, factors: Tensor) -> Mask:
        """(T, layers, H, W), by factor: which pixels show background and object."""
        shown: Mask = (self.scenes.coverage(factors[None])[0] > SHOWN).numpy()
        return shown


def eroded(mask: Mask, radius: float) -> Mask:
    """Keeps what of a mask is farther than `radius` from all outside it, the picture's edge too."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    inner: Mask = distance[1:-1, 1:-1] > radius
    return inner
