"""Learning-based Video Motion Magnification (Oh et al., ECCV 2018), in all its published forms.

Frames are split into a *texture* and a *shape* representation (section 3.1, Fig. 2). Motion is the
difference of two shapes; the manipulator grows it (eq. 8: M' = M + h(alpha · g(ΔM))); the decoder
puts the query's texture on the magnified shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models.base import MagnificationModel, Texture, dtype_of
from magnify.models.margins import rectified, reflected, repeated, without_margin


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
MAGNIFY = replace(OFFICIAL, strided_padding="reflect")
"""The official network trained by this project: reflection padding in every convolution."""


class StridedConv2d(nn.Conv2d):
    """A 3x3 convolution that halves the size; its input and output have a margin of 1."""

    def __init__(self, inputs: int, outputs: int, variant: Variant) -> None:
        super().__init__(inputs, outputs, 3, stride=2, padding=2, bias=variant.biases)
        self.same = variant.strided_padding == "same"

    def forward(self, input: Tensor) -> Tensor:
        if self.same:  # 0 before and 1 after, as TensorFlow pads
            input = F.pad(without_margin(input), (0, 1, 0, 1))
        return super().forward(input)


class UpsampledConv2d(nn.Conv2d):
    """Nearest upsampling x2, then a 3x3 convolution padded by reflection, and ReLU.

    Computed before the upsampling: two neighbours of an upsampled pixel are copies of the same one,
    so that each of the four pixels that a coarse one becomes is a 2x2 convolution.
    """

    def __init__(self, inputs: int, outputs: int, variant: Variant) -> None:
        super().__init__(inputs, outputs, 3, bias=variant.biases)

    def forward(self, input: Tensor, margin: int = 1) -> Tensor:
        """(T, C, h, w) with a margin of 1 that repeats the edge → (T, C', 2h, 2w) with `margin`.

        The upsampled picture, reflected, repeats its outermost pixel: hence the input's margin.
        """
        height, width = (size - 2 for size in input.shape[-2:])
        output = torch.empty(
            (len(input), self.out_channels, 2 * (height + margin), 2 * (width + margin)),
            dtype=input.dtype,
            device=input.device,
            memory_format=torch.channels_last,
        )
        for row in (0, 1):
            for column in (0, 1):
                weight = _pair_sums(_pair_sums(self.weight, 2, row), 3, column)
                fine = F.conv2d(input, weight, self.bias)[
                    :, :, row : row + height, column : column + width
                ]
                output[:, :, margin + row : -margin : 2, margin + column : -margin : 2] = fine
        return rectified(output, margin)


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), with a margin of 1."""

    def __init__(self, channels: int, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 3, variant)
        self.conv2 = conv(channels, channels, 3, variant)

    def forward(self, x: Tensor) -> Tensor:
        return reflected(self.conv2(rectified(self.conv1(x))).add_(x))


class Encoder(nn.Module):
    """Frames (T, 3, H, W) → texture (T, 32, H/4, W/4) and shape (T, 32, H/2, W/2)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(3, 16, 7, variant)
        self.conv2 = StridedConv2d(16, 32, variant)
        self.residual = residual_blocks(3, 32, variant)
        self.texture_conv = StridedConv2d(32, 32, variant)
        self.texture_residual = residual_blocks(2, 32, variant)
        self.shape_conv = conv(32, 32, 3, variant) if variant.shape_conv else None
        self.shape_residual = residual_blocks(2, 32, variant)

    def trunk(self, frames: Tensor) -> Tensor:
        """Frames (T, 3, H, W) → what both branches start from, (T, 32, H/2, W/2) and a margin."""
        x = rectified(self.conv1(F.pad(frames, (3, 3, 3, 3), mode="reflect")))
        return self.residual(rectified(self.conv2(x)))

    def texture(self, features: Tensor) -> Tensor:
        x = rectified(self.texture_conv(features))
        return without_margin(self.texture_residual(x))

    def shape(self, features: Tensor) -> Tensor:
        if self.shape_conv is not None:
            features = rectified(self.shape_conv(features))
        return without_margin(self.shape_residual(features))


class Manipulator(nn.Module):
    """Grows motion: h(factor · g(motion)), at 1/2 of the frame's size (section 3.2)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.conv1 = conv(32, 32, variant.motion_kernel, variant)
        self.conv2 = conv(32, 32, 3, variant)
        self.residual = residual_blocks(1, 32, variant)

    def forward(self, motion: Tensor, factor: float | Tensor) -> Tensor:
        reach = self.conv1.kernel_size[0] // 2
        motion = F.pad(motion, (reach,) * 4, mode="reflect")
        x = reflected(F.relu_(self.conv1(motion)) * factor)
        return without_margin(self.residual(reflected(self.conv2(x))))


class Decoder(nn.Module):
    """Texture (T, 32, H/4, W/4) and shape (T, 32, H/2, W/2) → frames (T, 3, H, W)."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.texture_conv = UpsampledConv2d(32, 32, variant) if variant.texture_conv else None
        self.residual = residual_blocks(9, 64, variant)
        self.tail_conv = UpsampledConv2d(64, 64, variant) if variant.tail_conv else None
        self.conv1 = (
            conv(64, 32, 3, variant) if variant.tail_conv else UpsampledConv2d(64, 32, variant)
        )
        self.conv2 = conv(32, 3, 7, variant, padding=0)

    def forward(self, texture: Tensor, shape: Tensor) -> Tensor:
        if self.texture_conv is not None:
            texture = self.texture_conv(F.pad(texture, (1, 1, 1, 1), mode="replicate"))
        else:
            texture = F.interpolate(texture, scale_factor=2, mode="nearest")
            texture = F.pad(texture, (1, 1, 1, 1), mode="reflect")
        shape = F.pad(shape, (1, 1, 1, 1), mode="reflect")
        x = repeated(self.residual(torch.cat((texture, shape), dim=1)))
        if self.tail_conv is None:
            x = self.conv1(x, margin=3)
        else:
            x = rectified(self.conv1(self.tail_conv(x, margin=3)), margin=3)
        return self.conv2(x)


class LBVMM(MagnificationModel):
    """The network in one of its published variants."""

    name = "lbvmm"
    paper = "Learning-based Video Motion Magnification, Oh et al., ECCV 2018"
    good_at = "large factors, noise and compressed video; the sharpest pictures"
    stride = 4
    minimum_size = 8
    bytes_per_pixel = 650
    kept_bytes_per_pixel = 80
    faster_in_bfloat16_on = frozenset({"cpu", "cuda"})

    def __init__(self, variant: Variant = MAGNIFY) -> None:
        super().__init__()
        self.variant = variant
        self.value_range = variant.value_range
        self.encoder = Encoder(variant)
        self.manipulator = Manipulator(variant)
        self.decoder = Decoder(variant)
        self.receptive_radius, self.stage_radii = radii(variant)

    def shape_elements(self, height: int, width: int) -> int:
        return 32 * (height // 2) * (width // 2)

    def reduce_precision(self, dtype: torch.dtype) -> None:
        self.manipulator.to(dtype)
        self.decoder.to(dtype)

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        features = self.encoder.trunk(frames)
        return (self.encoder.texture(features),), self.encoder.shape(features)

    def encode_shape(self, frames: Tensor) -> Tensor:
        return self.encoder.shape(self.encoder.trunk(frames))

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        if not isinstance(alpha, Tensor) and alpha < 1 and self.variant.added_to == "query":
            # The manipulator has learnt to grow motion; less of it is a shape between the two.
            return shape - (1 - alpha) * motion
        base = shape if self.variant.added_to == "query" else shape - motion
        motion = motion.to(dtype_of(self.manipulator))
        return base + self.manipulator(motion, alpha - self.variant.alpha_at_rest)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (texture_features,) = texture
        dtype = dtype_of(self.decoder)
        return self.decoder(texture_features.to(dtype), shape.to(dtype))


def conv(
    inputs: int, outputs: int, kernel: int, variant: Variant, *, padding: int = 1
) -> nn.Conv2d:
    """A convolution between pictures with margins: 3x3 keeps the margin, 7x7 makes 3 into 1.

    What it writes into the margin is to be replaced by `reflected`.
    """
    return nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=variant.biases)


def _pair_sums(weight: Tensor, dim: int, phase: int) -> Tensor:
    """Three weights along `dim` → two, for the first (0) or the second (1) copy of a pixel."""
    before, here, after = weight.split(1, dim)
    return torch.cat((before, here + after) if phase == 0 else (before + here, after), dim)


def residual_blocks(count: int, channels: int, variant: Variant) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels, variant) for _ in range(count)))


def radii(variant: Variant) -> tuple[int, tuple[int, int]]:
    """How far the network sees, and its two stages, in frame pixels: the layers' reaches, summed.

    A convolution reaches kernel // 2 pixels at its own scale; nearest upsampling adds the rest of
    the coarser pixel that it copies. Of two branches the longer counts.
    """

    def reach(scale: int, kernels: Sequence[int]) -> int:
        return scale * sum(kernel // 2 for kernel in kernels)

    trunk = reach(1, [7, 3]) + reach(2, [3] * 6)
    texture = reach(2, [3]) + reach(4, [3] * 4)
    shape = reach(2, [3] * (4 + variant.shape_conv))
    upsampled = 2 + reach(2, [3] * variant.texture_conv)
    manipulator = reach(2, [variant.motion_kernel, 3, 3, 3])
    decoder = reach(2, [3] * 18) + 1 + reach(1, [3] * (1 + variant.tail_conv) + [7])
    whole = trunk + max(texture + upsampled, shape + manipulator) + decoder
    return whole, (trunk + max(texture, shape), max(upsampled, manipulator) + decoder)
