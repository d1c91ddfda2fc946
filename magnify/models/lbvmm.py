"""Learning-based Video Motion Magnification (Oh et al., ECCV 2018), in all its published forms.

Frames are split into a *texture* and a *shape* representation (section 3.1, Fig. 2). Motion is the
difference of two shapes; the manipulator grows it (eq. 8: M' = M + h(alpha · g(ΔM))); the decoder
puts the query's texture on the magnified shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models.base import MagnificationModel, Texture


@dataclass(frozen=True)
class Variant:
    """What differs between the published LBVMM networks; everything else is common to all.

    Attributes:
        biases: the convolutions have biases.
        shape_conv: the shape branch starts with a 3x3 convolution and ReLU.
        texture_conv: a 3x3 convolution and ReLU follow the upsampling of the texture.
        motion_kernel: kernel size of the manipulator's g.
        tail_conv: the decoder's tail starts with an additional 3x3 64→64 convolution and ReLU.
        strided_padding: how the two stride-2 convolutions pad: by reflection, or with zeros on
            the right and bottom only, as TensorFlow's "SAME" does for even sizes.
        value_range: range of the pixels, in and out.
        alpha_at_rest: the motion is multiplied by alpha minus this. The network was trained so
            that the total factor is alpha in either case.
        added_to: the frame whose shape the grown motion is added to.
    """

    biases: bool
    shape_conv: bool
    texture_conv: bool
    motion_kernel: int
    tail_conv: bool
    strided_padding: Literal["reflect", "same"]
    value_range: tuple[float, float]
    alpha_at_rest: float
    added_to: Literal["query", "reference"]


OFFICIAL = Variant(
    biases=False,
    shape_conv=False,
    texture_conv=True,
    motion_kernel=7,
    tail_conv=False,
    strided_padding="same",
    value_range=(-1.0, 1.0),
    alpha_at_rest=1.0,
    added_to="query",
)
ZHENGPENG7 = Variant(
    biases=False,
    shape_conv=True,
    texture_conv=False,
    motion_kernel=3,
    tail_conv=False,
    strided_padding="reflect",
    value_range=(-1.0, 1.0),
    alpha_at_rest=0.0,
    added_to="query",
)
CGST = Variant(
    biases=True,
    shape_conv=True,
    texture_conv=False,
    motion_kernel=3,
    tail_conv=False,
    strided_padding="reflect",
    value_range=(0.0, 1.0),
    alpha_at_rest=0.0,
    added_to="reference",
)
POSTECH = Variant(
    biases=True,
    shape_conv=True,
    texture_conv=True,
    motion_kernel=7,
    tail_conv=True,
    strided_padding="reflect",
    value_range=(-1.0, 1.0),
    alpha_at_rest=0.0,
    added_to="query",
)
MAGNIFY = Variant(
    biases=False,
    shape_conv=False,
    texture_conv=True,
    motion_kernel=7,
    tail_conv=False,
    strided_padding="reflect",
    value_range=(-1.0, 1.0),
    alpha_at_rest=1.0,
    added_to="query",
)
"""The official network trained by this project: reflection padding in every convolution."""


class SameConv2d(nn.Conv2d):
    """A stride-2 3x3 convolution, padded by 0 before and 1 after: TensorFlow's "SAME"."""

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(F.pad(input, (0, 1, 0, 1)), self.weight, self.bias)


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x)))"""

    def __init__(self, channels: int, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 3, variant)
        self.conv2 = conv(channels, channels, 3, variant)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Encoder(nn.Module):
    """Frames (T, 3, H, W) → texture (T, 32, H/4, W/4) and shape (T, 32, H/2, W/2)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(3, 16, 7, variant)
        self.conv2 = strided_conv(16, 32, variant)
        self.residual = residual_blocks(3, 32, variant)
        self.texture_conv = strided_conv(32, 32, variant)
        self.texture_residual = residual_blocks(2, 32, variant)
        self.shape_conv = conv(32, 32, 3, variant) if variant.shape_conv else None
        self.shape_residual = residual_blocks(2, 32, variant)

    def trunk(self, frames: Tensor) -> Tensor:
        """Frames (T, 3, H, W) → what both branches start from, (T, 32, H/2, W/2)."""
        return self.residual(F.relu(self.conv2(F.relu(self.conv1(frames)))))

    def texture(self, features: Tensor) -> Tensor:
        return self.texture_residual(F.relu(self.texture_conv(features)))

    def shape(self, features: Tensor) -> Tensor:
        if self.shape_conv is not None:
            features = F.relu(self.shape_conv(features))
        return self.shape_residual(features)


class Manipulator(nn.Module):
    """Grows motion: h(factor · g(motion)), at 1/2 of the frame's size (section 3.2)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(32, 32, variant.motion_kernel, variant)
        self.conv2 = conv(32, 32, 3, variant)
        self.residual = residual_blocks(1, 32, variant)

    def forward(self, motion: Tensor, factor: float | Tensor) -> Tensor:
        return self.residual(self.conv2(F.relu(self.conv1(motion)) * factor))


class Decoder(nn.Module):
    """Texture (T, 32, H/4, W/4) and shape (T, 32, H/2, W/2) → frames (T, 3, H, W)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.texture_conv = conv(32, 32, 3, variant) if variant.texture_conv else None
        self.residual = residual_blocks(9, 64, variant)
        self.tail_conv = conv(64, 64, 3, variant) if variant.tail_conv else None
        self.conv1 = conv(64, 32, 3, variant)
        self.conv2 = conv(32, 3, 7, variant)

    def forward(self, texture: Tensor, shape: Tensor) -> Tensor:
        texture = F.interpolate(texture, scale_factor=2, mode="nearest")
        if self.texture_conv is not None:
            texture = F.relu(self.texture_conv(texture))
        x = self.residual(torch.cat((texture, shape), dim=1))
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        if self.tail_conv is not None:
            x = F.relu(self.tail_conv(x))
        return self.conv2(F.relu(self.conv1(x)))


class LBVMM(MagnificationModel):
    """The network in one of its published variants."""

    name: ClassVar[str] = "lbvmm"
    stride: ClassVar[int] = 4
    minimum_size: ClassVar[int] = 8
    shape_stride: ClassVar[int] = 2
    shape_channels: ClassVar[int] = 32

    def __init__(self, variant: Variant = MAGNIFY) -> None:
        super().__init__()
        self.variant = variant
        self.value_range = variant.value_range
        self.encoder = Encoder(variant)
        self.manipulator = Manipulator(variant)
        self.decoder = Decoder(variant)
        self.receptive_radius = receptive_radius(variant)

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        features = self.encoder.trunk(frames)
        return (self.encoder.texture(features),), self.encoder.shape(features)

    def encode_shape(self, frames: Tensor) -> Tensor:
        return self.encoder.shape(self.encoder.trunk(frames))

    def manipulate(self, shape: Tensor, motion: Tensor, alpha: float | Tensor) -> Tensor:
        base = shape if self.variant.added_to == "query" else shape - motion
        return base + self.manipulator(motion, alpha - self.variant.alpha_at_rest)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (texture_features,) = texture
        return self.decoder(texture_features, shape)


def conv(inputs: int, outputs: int, kernel: int, variant: Variant) -> nn.Conv2d:
    """A convolution that keeps the size, padded by reflection."""
    return nn.Conv2d(
        inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect", bias=variant.biases
    )


def strided_conv(inputs: int, outputs: int, variant: Variant) -> nn.Conv2d:
    """A 3x3 convolution that halves the size."""
    if variant.strided_padding == "same":
        return SameConv2d(inputs, outputs, 3, stride=2, bias=variant.biases)
    return nn.Conv2d(
        inputs, outputs, 3, stride=2, padding=1, padding_mode="reflect", bias=variant.biases
    )


def residual_blocks(count: int, channels: int, variant: Variant) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, variant) for _ in range(count)))


def receptive_radius(variant: Variant) -> int:
    """How far an output pixel sees, in frame pixels: the layers' reaches, summed on the longer way.

    A convolution reaches kernel // 2 pixels at its own scale; nearest upsampling adds the rest of
    the coarser pixel that it copies.
    """

    def reach(scale: int, kernels: Sequence[int]) -> int:
        return scale * sum(kernel // 2 for kernel in kernels)

    encoder = reach(1, [7, 3]) + reach(2, [3] * 6)
    texture = reach(2, [3]) + reach(4, [3] * 4) + 2 + reach(2, [3] * variant.texture_conv)
    shape = reach(2, [3] * (4 + variant.shape_conv))
    manipulator = reach(2, [variant.motion_kernel, 3, 3, 3])
    decoder = reach(2, [3] * 18) + 1 + reach(1, [3] * (1 + variant.tail_conv) + [7])
    return encoder + max(texture, shape + manipulator) + decoder
