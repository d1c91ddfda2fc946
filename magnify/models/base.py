"""The one contract of everything that grows motion: a model, learnt or classical.

All of them compute  M' = M + R(ΔM, alpha):  what the motion ΔM *is* belongs to the mode
(static, dynamic, band-pass); what differs between two frames, and how it *grows*, to the model.

A model states its own facts as class data, so that nothing outside its file asks for its name.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

Texture: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True)
class CompileGain:
    """What compiling a model for one size of frames takes and gives; measured.

    Attributes:
        seconds: that it takes, with nothing of it in PyTorch's cache.
        share: of the model's time that it saves, 0 to 1.
    """

    seconds: float
    share: float


class MagnificationModel(nn.Module, ABC):
    """Encodes frames, grows their motion, decodes them. Pure tensors, no files.

    Frames are RGB, shape (T, 3, H, W), in `value_range`, with H and W multiples of `stride`
    and at least `minimum_size`; the batch axis T is time. `alpha` is the total magnification
    factor: the output moves alpha times as far as the input did. It is a number, or a tensor
    of shape (T, 1, 1, 1).

    Shapes and motions are (T, C, h, w), float32. Bands of many sizes are packed as (T, 1, 1, N).
    """

    # What it is.
    name: ClassVar[str]
    """What `--model` calls it."""
    paper: ClassVar[str]
    good_at: ClassVar[str]
    """When to take it, in one line."""
    patent: ClassVar[str | None] = None
    """Patents known to cover the method, and where; None if none is known."""
    grows: ClassVar[Literal["motion", "colour"]] = "motion"
    """What of a change it shows; where it is colour, nothing is moved."""
    has_weights: ClassVar[bool] = True
    """Whether it has learnt anything; if not, it is built by calling its class."""

    # What frames it takes.
    stride: ClassVar[int]
    minimum_size: ClassVar[int]
    value_range: tuple[float, float]

    # How far it sees.
    receptive_radius: int | None
    """How far, in frame pixels, an output pixel sees; None if it sees the whole frame."""
    stage_radii: tuple[int, int] | None
    """The same of `encode`, and of `manipulate` and `decode` together; None: never tiled.
    Each counts the longer of its branches, so that their sum may exceed the receptive radius."""

    # What it costs; all measured.
    bytes_per_pixel: ClassVar[int]
    """Peak memory of a frame on its way, per frame pixel, in float32 on a CPU."""
    kept_bytes_per_pixel: ClassVar[int] = 0
    """What of whole frames is kept, per frame pixel, while they are computed in tiles."""
    faster_in_bfloat16_on: ClassVar[frozenset[str]] = frozenset()
    """Types of device where bfloat16 repays, if the device itself computes faster in it."""
    compile_gains: ClassVar[Mapping[tuple[str, str], CompileGain]] = MappingProxyType({})
    """By type of device and precision ("fp32", "bf16"), where compiling repays."""

    # What its motion is.
    cumulative: ClassVar[bool] = False
    """Whether the change since the first frame is the sum of the differences from frame to frame.

    So it is for phases, which wrap: only small differences are told. Otherwise the difference from
    the first frame says it at once."""

    @abstractmethod
    def shape_elements(self, height: int, width: int) -> int:
        """How many numbers the motion of one frame (T, 3, height, width) has."""

    def reduce_precision(self, dtype: torch.dtype) -> None:
        """Computes in `dtype` from here on, except for the shape representation.

        Motion is a small difference of shapes: their rounding errors would be magnified with it.
        Frames and shapes are float32 as before; textures may be `dtype`, what `decode` gives is.
        A model that is not `faster_in_bfloat16_on` any device may leave this as it is.
        """

    @abstractmethod
    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        """Frames (T, 3, H, W) → (texture, shape).

        The shape (T, C, h, w) carries the motion; `texture`, tensors with the same batch axis,
        is whatever else the model needs to decode, opened by the model only.
        """

    @abstractmethod
    def encode_shape(self, frames: Tensor) -> Tensor:
        """The shape representation alone: all that a reference frame is needed for."""

    def difference(self, shape: Tensor, reference: Tensor) -> Tensor:
        """What has changed since the reference, shapes (T, C, h, w) and (1 or T, C, h, w).

        A plain difference by default; a model whose shape wraps, as phases do, says how.
        """
        return shape - reference

    @abstractmethod
    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        """Shape and its motion → the magnified shape (T, C, h, w).

        `motion` is what a mode made of `difference`s; `texture` is what `encode` gave with the
        shape, for a model that weighs motion by it.
        """

    @abstractmethod
    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        """Texture and (magnified) shape → frames (T, 3, H, W), not clamped."""

    def forward(self, reference: Tensor, query: Tensor, alpha: float | Tensor) -> Tensor:
        """The papers' pair form: the query frames with their motion since `reference` magnified.

        `reference` has as many frames as `query`, or one for all of them.
        """
        texture, shape = self.encode(query)
        motion = self.difference(shape, self.encode_shape(reference))
        return self.decode(texture, self.manipulate(shape, motion, alpha, texture))


class Oriented(ABC):
    """A model whose shape tells the motion of each orientation by itself."""

    @abstractmethod
    def anisotropy(self, motions: Tensor, shapes: Tensor, height: int, width: int) -> Tensor:
        """How far the motion of some frames prefers one orientation, from 0 to 1.

        Motions (T, C, h, w) and shapes of successive frames (T, 3, height, width) → (C, h, w).
        """


def dtype_of(module: nn.Module) -> torch.dtype:
    """The number format of a module's weights."""
    return next(module.parameters()).dtype
