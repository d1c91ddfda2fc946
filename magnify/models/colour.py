"""Eulerian colour magnification (Wu et al., SIGGRAPH 2012): what changes its colour.

Skin reddens with every heartbeat by less than a grey level. The mean colour of a patch shows it:
averaging over many pixels takes the camera's noise away. That mean is filtered over time, grown,
and added to the picture. Nothing is moved.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from magnify.errors import SettingsError
from magnify.models.base import MagnificationModel, Texture


class Colour(MagnificationModel):
    """Grows the change of the mean colour of patches, smoothly from patch to patch.

    The shape holds those means, (T, 3, h, w) for patches of `pooling` x `pooling` pixels. What is
    finer than a patch stays as it is.
    """

    name: ClassVar[str] = "colour"
    paper: ClassVar[str] = (
        "Eulerian Video Magnification for Revealing Subtle Changes, Wu et al., SIGGRAPH 2012"
    )
    good_at: ClassVar[str] = "changes of colour, such as the pulse in a face; moves nothing"
    has_weights: ClassVar[bool] = False
    grows: ClassVar[Literal["motion", "colour"]] = "colour"
    stride: ClassVar[int] = 1
    minimum_size: ClassVar[int] = 4
    value_range = (0.0, 1.0)
    receptive_radius = None
    stage_radii = None
    bytes_per_pixel: ClassVar[int] = 60

    def __init__(self, pooling: int = 16) -> None:
        """A method without weights.

        Args:
            pooling: the side of a patch, in pixels.

        Raises:
            SettingsError: that is no side of 1 to 512 pixels.
        """
        super().__init__()
        if not 1 <= pooling <= 512:
            raise SettingsError(f"the pooling must be 1 to 512 pixels, not {pooling}")
        self.pooling = pooling

    def shape_elements(self, height: int, width: int) -> int:
        rows, columns = self._grid(height, width)
        return 3 * rows * columns

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        means = self.encode_shape(frames)
        return (frames, means), means

    def encode_shape(self, frames: Tensor) -> Tensor:
        size = self._grid(*frames.shape[-2:])
        # The triangle that reaches over two patches: a change does not jump where they meet.
        return functional.interpolate(frames, size, mode="bilinear", antialias=True)

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        return shape + (torch.as_tensor(alpha, device=shape.device) - 1) * motion

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        frames, means = texture
        added = functional.interpolate(shape - means, frames.shape[-2:], mode="bilinear")
        return frames + added

    def _grid(self, height: int, width: int) -> tuple[int, int]:
        return -(-height // self.pooling), -(-width // self.pooling)
