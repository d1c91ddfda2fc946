"""Frequency Decoupling for Motion Magnification (FD4MM; Wang et al., CVPR 2024).

A pyramid of three levels splits each frame into low and high bands (section 3.2). Motion is the
difference of two frames' deepest low bands; it is cleaned by sparse low-pass filters and grown
(section 3.3); the high bands, cleaned by sparse high-pass filters, and the magnified low band are
mixed back into a frame (section 3.4). Attention runs over channels, its statistics over all
pixels, so every output pixel sees the whole frame.
"""

from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models.base import CompileGain, MagnificationModel, Texture, dtype_of
from magnify.models.strips import in_strips, strips

CHANNELS = (24, 48, 96)
HEADS = (4, 4, 8)
HIGHPASS_BLOCKS = (2, 4, 4)
LOWPASS_BLOCKS = 4
MIXER_BLOCKS = (6, 4, 4)

NORM_EPSILON = 1e-10
"""Inside the square root of the L2 norms: a still scene has no motion, and 0/0 has no gradient."""


class LayerNorm(nn.LayerNorm):
    """Layer norm over the channels of (T, C, H, W); free of copies in channels-last memory."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Sequential):
    """1x1 C→2C, GELU, 1x1 2C→C."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            pointwise(channels, 2 * channels), nn.GELU(), pointwise(2 * channels, channels)
        )


class FrequencyDecoupling(nn.Module):
    """(T, C, h, w) → low and high band, each (T, C, h, w).

    The wider, dilated kernel gives the low band; what the narrow one sees beyond it is the high
    band. (The paper's eq. 2 subtracts from the same feature; the published code from the other
    half, as here.)
    """

    reach: ClassVar[int] = 3

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = pointwise(channels, 2 * channels)
        self.depthwise = depthwise(2 * channels)
        self.low = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, groups=channels)
        self.high = depthwise(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = apart(x, self.pointwise, self.depthwise, 2)
        low = dilated(self.low, first)
        return F.gelu(low), F.gelu(self.high(second).sub_(low))


class ChannelAttention(nn.Module):
    """Attention between channels: ReLU(temperature · q̂ k̂ᵀ) v per head, then a 1x1 projection.

    q̂ and k̂ have unit L2 norm over all pixels. Subclasses say where q, k and v come from, and how
    many pixels around its own each of their pixels sees (`reach`, None if all).
    """

    reach: ClassVar[int | None]

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.project = nn.Conv2d(channels, channels, 1, bias=False)

    def attended(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(T, C, h, w) → q, k and v, each (T, C, h, w)."""
        raise NotImplementedError

    def mixing(self, products: Tensor, q_squares: Tensor, k_squares: Tensor) -> Tensor:
        """What turns v into the block's output: a matrix (T, C, C) for each frame.

        `products` (T, C, C) is q kᵀ, `q_squares` and `k_squares` (T, C) are the squared norms;
        all three are sums over the pixels.
        """
        q_scale = q_squares.add(NORM_EPSILON).rsqrt()
        k_scale = k_squares.add(NORM_EPSILON).rsqrt()
        cosines = products * q_scale[:, :, None] * k_scale[:, None, :]
        # (T, n, C/n, n, C/n): a head's channels look at those of the same head only.
        heads = cosines.unflatten(2, (self.heads, -1)).unflatten(1, (self.heads, -1))
        heads = heads.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)
        weights = F.relu(heads * self.temperature)
        # The projection is linear in v as well: one C x C matrix per frame does both.
        project = self.project.weight.flatten(1).unflatten(1, (self.heads, -1))
        return torch.einsum("onc,tncd->tond", project.float(), weights).flatten(2)


class FilterAttention(ChannelAttention):
    """Attention with q, k, v from a 1x1 and a depthwise convolution; q passes a filter first."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.qkv = pointwise(channels, 3 * channels, bias=False)
        self.qkv_depthwise = depthwise(3 * channels, bias=False)
        self.query_conv = pointwise(channels, channels)

    def filter_query(self, q: Tensor) -> Tensor:
        raise NotImplementedError

    def attended(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = apart(x, self.qkv, self.qkv_depthwise, 3)
        return self.filter_query(q), k, v


class HighpassAttention(FilterAttention):
    """The sparse high-pass filter: the query keeps each neighbourhood's maximum (eq. 4)."""

    reach = 2

    def filter_query(self, q: Tensor) -> Tensor:
        return F.gelu(self.query_conv(neighbourhood_maximum(q)))


class LowpassAttention(FilterAttention):
    """The sparse low-pass filter: the query is averaged down and interpolated back (eq. 6)."""

    reach = None

    def filter_query(self, q: Tensor) -> Tensor:
        pooled = F.gelu(self.query_conv(F.avg_pool2d(q, 2)))
        return F.interpolate(pooled, size=q.shape[-2:], mode="bilinear", align_corners=True)


class MixerAttention(ChannelAttention):
    """The frequency mixer: low frequencies ask, high frequencies answer (eq. 8)."""

    reach = FrequencyDecoupling.reach

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.decoupling = FrequencyDecoupling(channels)

    def attended(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low, high = self.decoupling(x)
        return low, high, high


class Block(nn.Module):
    """A pre-norm transformer block: x + attention(LN(x)), then x + MLP(LN(x)).

    Twice over the frame in strips that stay in the processor's cache: what attention needs of the
    whole frame are sums over its pixels.
    """

    def __init__(self, attention: type[ChannelAttention], channels: int, heads: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(channels)
        self.attention = attention(channels, heads)
        self.norm2 = LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        values = []
        sums: list[Tensor] = []
        for window, crop in strips(x, self.attention.reach):
            q, k, v = (band[:, :, crop] for band in self.attention.attended(self.norm1(window)))
            parts = pixel_sums(q, k)
            sums = [a + b for a, b in zip(sums, parts, strict=True)] if sums else list(parts)
            values.append(v)
        mixing = self.attention.mixing(*sums).to(x.dtype)
        outputs = []
        start = 0
        for v in values:
            part = x[:, :, start : start + v.shape[2]]
            outputs.append(self._mix(part, v, mixing))
            start += v.shape[2]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=2)

    def _mix(self, x: Tensor, v: Tensor, mixing: Tensor) -> Tensor:
        x = mixed(v, mixing).add_(x)
        return self.mlp(self.norm2(x)).add_(x)


class FrequencyPyramid(nn.Module):
    """Frames (T, 3, H, W) → low band (T, 96, H/8, W/8) and the high bands of the three levels.

    The high bands have 24, 48 and 96 channels at 1/2, 1/4 and 1/8 of the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, CHANNELS[0], 3, stride=2, padding=1, bias=False)
        self.decoupling = nn.ModuleList(map(FrequencyDecoupling, CHANNELS))
        self.widen = nn.ModuleList(pointwise(fine, coarse) for fine, coarse in pairwise(CHANNELS))
        self.highpass = nn.ModuleList(
            blocks(HighpassAttention, count, channels, heads)
            for count, channels, heads in zip(HIGHPASS_BLOCKS, CHANNELS, HEADS, strict=True)
        )

    def decouple(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The deepest low band and the high bands of all levels, not yet filtered."""
        low, high = in_strips(
            self.decoupling[0], self.patch_embedding(frames), FrequencyDecoupling.reach
        )
        highs = [high]
        for widen, decoupling in zip(self.widen, self.decoupling[1:], strict=True):
            x = widen(F.avg_pool2d(low, 2))
            low, high = in_strips(decoupling, x, FrequencyDecoupling.reach)
            highs.append(high)
        return low, highs

    def filter(self, highs: list[Tensor]) -> tuple[Tensor, ...]:
        dtype = dtype_of(self.highpass)
        return tuple(
            highpass(high.to(dtype)) for highpass, high in zip(self.highpass, highs, strict=True)
        )


class Magnifier(nn.Module):
    """Cleans the motion field and grows it, at 1/8 of the frame's size (eq. 7)."""

    def __init__(self) -> None:
        super().__init__()
        channels = CHANNELS[-1]
        self.lowpass = blocks(LowpassAttention, LOWPASS_BLOCKS, channels, HEADS[-1])
        self.conv1 = pointwise(channels, channels, bias=False)
        self.conv2 = pointwise(channels, channels, bias=False)

    def forward(self, motion: Tensor, factor: float | Tensor) -> Tensor:
        return F.gelu(self.conv2(F.gelu(self.conv1(self.lowpass(motion))) * factor))


class Reconstruction(nn.Module):
    """Low band and filtered high bands → frames (T, 3, H, W), from the deep level up."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(pointwise(2 * channels, channels) for channels in CHANNELS)
        self.mixer = nn.ModuleList(
            blocks(MixerAttention, count, channels, heads)
            for count, channels, heads in zip(MIXER_BLOCKS, CHANNELS, HEADS, strict=True)
        )
        self.up = nn.ModuleList(
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False) for channels in CHANNELS
        )
        self.output = nn.Conv2d(CHANNELS[0] // 2, 3, 3, padding=1)

    def forward(self, highs: tuple[Tensor, ...], low: Tensor) -> Tensor:
        x = low
        levels = zip(highs, self.reduce, self.mixer, self.up, strict=True)
        for high, reduce, mixer, up in reversed(list(levels)):
            x = mixer(reduce(torch.cat((x, high), dim=1)))
            x = F.pixel_shuffle(up(x), 2)
        return self.output(x)


class FD4MM(MagnificationModel):
    """The network of the paper, 1,472,983 parameters."""

    name = "fd4mm"
    paper = (
        "Frequency Decoupling for Motion Magnification via Multi-Level Isomorphic Architecture, "
        "Wang et al., CVPR 2024"
    )
    good_at = "noise, and still parts that stay still; softer, and thin lines stay where they are"
    stride = 8
    minimum_size = 16
    bytes_per_pixel = 320
    # On a CPU its thin layers wait for memory: bfloat16 gains nothing there.
    faster_in_bfloat16_on = frozenset({"cuda"})
    compile_gains = MappingProxyType({("cpu", "fp32"): CompileGain(seconds=80, share=0.08)})
    receptive_radius = None
    stage_radii = None
    value_range = (-1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = FrequencyPyramid()
        self.magnifier = Magnifier()
        self.reconstruction = Reconstruction()

    def shape_elements(self, height: int, width: int) -> int:
        return CHANNELS[-1] * (height // 8) * (width // 8)

    def reduce_precision(self, dtype: torch.dtype) -> None:
        self.pyramid.highpass.to(dtype)
        self.magnifier.to(dtype)
        self.reconstruction.to(dtype)

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        low, highs = self.pyramid.decouple(frames)
        return self.pyramid.filter(highs), low

    def encode_shape(self, frames: Tensor) -> Tensor:
        low, _ = self.pyramid.decouple(frames)
        return low

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        return shape + self.magnifier(motion.to(dtype_of(self.magnifier)), alpha - 1.0)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        return self.reconstruction(texture, shape.to(dtype_of(self.reconstruction)))


def depthwise(channels: int, *, bias: bool = True) -> nn.Conv2d:
    """A 3x3 convolution of each channel by itself."""
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=bias)


def dilated(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A depthwise 3x3 convolution with dilation 2.

    Where a gradient is wanted it is computed as one without dilation, on the four pictures of every
    other row and column: CPUs take five times as long for the gradient of a dilated one.
    """
    frames, channels, height, width = x.shape
    if not torch.is_grad_enabled() or height % 2 or width % 2:
        return cast(Tensor, conv(x))
    split = x.permute(0, 2, 3, 1).reshape(frames, height // 2, 2, width // 2, 2, channels)
    split = split.permute(0, 2, 4, 1, 3, 5).flatten(0, 2).permute(0, 3, 1, 2)
    low = F.conv2d(split, conv.weight, conv.bias, padding=1, groups=channels)
    low = low.permute(0, 2, 3, 1).unflatten(0, (frames, 2, 2))
    return (
        low.permute(0, 3, 1, 4, 2, 5).reshape(frames, height, width, channels).permute(0, 3, 1, 2)
    )


def pointwise(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=bias)


def apart(x: Tensor, first: nn.Conv2d, second: nn.Conv2d, parts: int) -> list[Tensor]:
    """A 1x1, then a depthwise 3x3 convolution, in equal parts of their output channels.

    Computed apart, the parts are dense in memory, and none keeps the others alive.
    """

    def split(parameter: Tensor | None) -> tuple[Tensor | None, ...]:
        return (None,) * parts if parameter is None else parameter.chunk(parts)

    return [
        F.conv2d(F.conv2d(x, w1, b1), w2, b2, padding=1, groups=len(w2))
        for w1, b1, w2, b2 in zip(
            first.weight.chunk(parts),
            split(first.bias),
            second.weight.chunk(parts),
            split(second.bias),
            strict=True,
        )
    ]


def neighbourhood_maximum(x: Tensor) -> Tensor:
    """The maximum of each pixel and its neighbours: max-pooling, 3x3 at stride 1."""
    if torch.is_grad_enabled():
        return F.max_pool2d(x, 3, stride=1, padding=1)
    # Faster on a CPU; but its gradient takes thirty times as long as that above.
    return running_maximum(running_maximum(x, dim=2), dim=3)


def running_maximum(x: Tensor, dim: int) -> Tensor:
    """The maximum of each pixel and its neighbours along `dim`."""
    size = x.shape[dim]
    pairs = torch.maximum(x.narrow(dim, 0, size - 1), x.narrow(dim, 1, size - 1))
    inner = torch.maximum(pairs.narrow(dim, 0, size - 2), pairs.narrow(dim, 1, size - 2))
    return torch.cat((pairs.narrow(dim, 0, 1), inner, pairs.narrow(dim, size - 2, 1)), dim)


def mixed(x: Tensor, matrices: Tensor) -> Tensor:
    """Each frame's channels (T, C, h, w) mixed by a matrix of its own (T, C, C)."""
    if len(x) == 1:  # a 1x1 convolution, for which CPUs have the faster kernels
        return F.conv2d(x, matrices[0, :, :, None, None])
    return (pixels(x) @ matrices.mT).unflatten(1, x.shape[-2:]).permute(0, 3, 1, 2)


def pixels(x: Tensor) -> Tensor:
    """(T, C, h, w) → (T, h·w, C), a view in channels-last memory."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def pixel_sums(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums over the pixels, in float32: q kᵀ (T, C, C), and the squares of q and of k (T, C)."""
    q, k = pixels(q).float(), pixels(k).float()
    return torch.bmm(q.transpose(1, 2), k), (q * q).sum(dim=1), (k * k).sum(dim=1)


def blocks(
    attention: type[ChannelAttention], count: int, channels: int, heads: int
) -> nn.Sequential:
    return nn.Sequential(*(Block(attention, channels, heads) for _ in range(count)))
