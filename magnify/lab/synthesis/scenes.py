"""Renders scenes of independently translating layers, at any magnification.

A scene is a photograph with cut-out objects on it, each layer with its own sub-pixel translation
(LBVMM, section 3.4). A layer is a picture and a continuous reconstruction kernel; a displaced
layer is that kernel evaluated at displaced positions, so every displacement is exact, scaled
pictures are anti-aliased, and sharpness does not depend on the sub-pixel phase.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor


class Part(IntEnum):
    """The five kinds of scenes of LBVMM's data set, in equal shares."""

    ALL_MOVE = 0
    BLURRED_BACKGROUND = 1
    BACKGROUND_ONLY = 2
    STILL = 3
    OBJECTS_MOVE = 4


@dataclass(frozen=True)
class Layer:
    """One layer of each of B scenes. Positions are (y, x); picture means the layer's own pixels.

    Attributes:
        pixels: RGB (B, 3, h, w) or premultiplied RGBA (B, 4, h, w) in [0, 1], zero beyond `extent`.
        extent: (B, 2), how much of `pixels` is the picture.
        origin: (B, 2), the picture position under the frame's pixel (0, 0), at rest.
        scale: (B,), picture pixels per frame pixel.
        width: (B,), width of the reconstruction kernel in picture pixels.
        reach: how far the widest of these kernels goes, in picture pixels; known beside `width`,
            as to ask a GPU for it would be to wait for it.
        motion: (B, 2), displacement of the query from the reference in frame pixels.
        reflected: the picture continues beyond its edges by reflection; else it is transparent.
    """

    pixels: Tensor
    extent: Tensor
    origin: Tensor
    scale: Tensor
    width: Tensor
    reach: int
    motion: Tensor
    reflected: bool

    def render(self, height: int, width: int, factors: Tensor) -> Tensor:
        """Renders the layer displaced by factor · motion.

        Args:
            factors: (B, F), F displacements of each scene.

        Returns:
            (B, F, channels of `pixels`, height, width), premultiplied.
        """
        displacement = factors[..., None] * self.motion[:, None]
        rows = self._weights(height, displacement[..., 0], axis=0)
        columns = self._weights(width, displacement[..., 1], axis=1)
        count, channels, down, across = self.pixels.shape
        # Rows and channels share a dimension, so that each product is one of large matrices.
        pixels = self.pixels.transpose(1, 2).reshape(count, down, channels * across)
        narrow = (rows.flatten(1, 2) @ pixels).reshape(count, -1, height * channels, across)
        frames = (narrow @ columns.mT).reshape(count, -1, height, channels, width)
        return frames.transpose(2, 3)

    def _weights(self, size: int, displacement: Tensor, axis: int) -> Tensor:
        """(B, F, size, picture size): how much of each picture pixel goes into each frame pixel."""
        device = displacement.device
        frame = torch.arange(size, device=device) - displacement[..., None]
        position = self.origin[:, axis, None, None] + frame * self.scale[:, None, None]
        taps = torch.arange(-self.reach, self.reach + 2, device=device)
        index = position.floor()[..., None] + taps
        weights = cubic((index - position[..., None]) / self.width[:, None, None, None])
        # Normalised before the picture's edge cuts any off, or the kernel's ripple would show.
        weights = weights / weights.sum(dim=-1, keepdim=True)
        extent = self.extent[:, axis, None, None, None]
        if self.reflected:
            index = index.remainder(2 * extent)
            index = torch.where(index < extent, index, 2 * extent - 1 - index)
        weights = weights * ((index >= 0) & (index < extent))
        length = self.pixels.shape[2 + axis]
        dense = weights.new_zeros(*position.shape, length)
        return dense.scatter_add_(-1, index.clamp(0, length - 1).long(), weights)


@dataclass(frozen=True)
class Scenes:
    """B scenes of the same frame size.

    Attributes:
        height, width: size of the frames in pixels.
        layers: from the background to the front.
        part: (B,), the `Part` of each scene.
        alpha: (B,), the total magnification factor of each scene's target.
    """

    height: int
    width: int
    layers: tuple[Layer, ...]
    part: Tensor
    alpha: Tensor

    def render(self, factors: Tensor) -> Tensor:
        """Renders the scenes with every motion times each of `factors` (B, F): (B, F, 3, H, W).

        Factor 0 is the reference, 1 the query, alpha the target.
        """
        picture, *objects = (
            layer.render(self.height, self.width, factors) for layer in self.layers
        )
        for layer in objects:
            picture = torch.addcmul(layer[:, :, :3], picture, 1 - layer[:, :, 3:])
        return picture.clamp(0, 1).contiguous()

    def coverage(self, factors: Tensor) -> Tensor:
        """Gives each layer's share in each pixel: (B, F, layers, H, W), summing to 1.

        The kernel's lobes take it slightly out of [0, 1] at edges.
        """
        shares: list[Tensor] = []
        visible = factors.new_ones(*factors.shape, self.height, self.width)
        for layer in reversed(self.layers[1:]):
            opacity = layer.render(self.height, self.width, factors)[:, :, 3]
            shares.append(visible * opacity)
            visible = visible * (1 - opacity)
        return torch.stack([visible, *reversed(shares)], dim=2)

    def displacement(self, factors: Tensor) -> Tensor:
        """Gives each layer's displacement (y, x) from rest in pixels: (B, F, layers, 2)."""
        motion = torch.stack([layer.motion for layer in self.layers], dim=1)
        return motion[:, None] * factors[..., None, None]


def cubic(x: Tensor) -> Tensor:
    """Evaluates Keys' interpolation kernel (a = -1/2), which is non-zero within (-2, 2)."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
