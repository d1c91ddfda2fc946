"""The one contract of every motion-magnification network.

All of them compute  M' = M + R(ΔM, alpha):  what the motion ΔM *is* belongs to the mode
(static, dynamic, band-pass); how it *grows* belongs to the network.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn

Texture: TypeAlias = tuple[Tensor, ...]


class MagnificationModel(nn.Module, ABC):
    """Encodes frames, grows their motion, decodes them. Pure tensors, no files.

    Frames are RGB, shape (T, 3, H, W), in `value_range`, with H and W multiples of `stride`
    and at least `minimum_size`; the batch axis T is time. `alpha` is the total magnification
    factor: the output moves alpha times as far as the input did. It is a number, or a tensor
    of shape (T, 1, 1, 1).
    """

    name: ClassVar[str]
    stride: ClassVar[int]
    minimum_size: ClassVar[int]
    shape_stride: ClassVar[int]
    """A pixel of the shape representation covers this many frame pixels in each direction."""
    shape_channels: ClassVar[int]
    receptive_radius: int | None
    """How far, in frame pixels, an output pixel sees; None if it sees the whole frame."""
    stage_radii: tuple[int, int] | None
    """The same of `encode`, and of `manipulate` and `decode` together. Each counts the longer of
    its branches, so that their sum may exceed the receptive radius."""
    value_range: tuple[float, float]

    @abstractmethod
    def reduce_precision(self, dtype: torch.dtype) -> None:
        """Computes in `dtype` from here on, except for the shape representation.

        Motion is a small difference of shapes: their rounding errors would be magnified with it.
        Frames and shapes are float32 as before; textures may be `dtype`, what `decode` gives is.
        """

    @abstractmethod
    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        """Frames (T, 3, H, W) → (texture, shape).

        `shape` (T, shape_channels, H/shape_stride, W/shape_stride) carries the motion;
        `texture`, tensors with the same batch axis, is whatever else `decode` needs, opened by
        the network only.
        """

    @abstractmethod
    def encode_shape(self, frames: Tensor) -> Tensor:
        """The shape representation alone: all that a reference frame is needed for."""

    @abstractmethod
    def manipulate(self, shape: Tensor, motion: Tensor, alpha: float | Tensor) -> Tensor:
        """Shape and motion, both (T, C, h, w) → the magnified shape, (T, C, h, w)."""

    @abstractmethod
    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        """Texture and (magnified) shape → frames (T, 3, H, W), not clamped."""

    def forward(self, reference: Tensor, query: Tensor, alpha: float | Tensor) -> Tensor:
        """The papers' pair form: the query frames with their motion since `reference` magnified.

        `reference` has as many frames as `query`, or one for all of them.
        """
        texture, shape = self.encode(query)
        motion = shape - self.encode_shape(reference)
        return self.decode(texture, self.manipulate(shape, motion, alpha))


def dtype_of(module: nn.Module) -> torch.dtype:
    """The number format of a module's weights."""
    return next(module.parameters()).dtype
