"""Frequency Decoupling for Motion Magnification (FD4MM; Wang et al., CVPR 2024).

A pyramid of three levels splits each frame into low and high bands (section 3.2). Motion is the
difference of two frames' deepest low bands; it is cleaned by sparse low-pass filters and grown
(section 3.3); the high bands, cleaned by sparse high-pass filters, and the magnified low band are
mixed back into a frame (section 3.4). Attention runs over channels, its statistics over all
pixels, so every output pixel sees the whole frame.
"""

from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models.base import MagnificationModel, Texture

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
            nn.Conv2d(channels, 2 * channels, 1), nn.GELU(), nn.Conv2d(2 * channels, channels, 1)
        )


class FrequencyDecoupling(nn.Module):
    """(T, C, h, w) → low and high band, each (T, C, h, w).

    The wider, dilated kernel gives the low band; what the narrow one sees beyond it is the high
    band. (The paper's eq. 2 subtracts from the same feature; the published code from the other
    half, as here.)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = depthwise(2 * channels)
        self.low = nn.Conv2d(channels, channels, 3, padding=2, dilation=2, groups=channels)
        self.high = depthwise(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.depthwise(self.pointwise(x)).chunk(2, dim=1)
        low = self.low(first)
        return F.gelu(low), F.gelu(self.high(second) - low)


class ChannelAttention(nn.Module):
    """Attention between channels: ReLU(temperature · q̂ k̂ᵀ) v per head, then a 1x1 projection.

    q̂ and k̂ have unit L2 norm over all pixels. Subclasses say where q, k and v come from.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.project = nn.Conv2d(channels, channels, 1, bias=False)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """q, k, v: (T, C, h, w) → (T, C, h, w)."""
        scores = torch.einsum("tncp,tndp->tncd", self._heads(q), self._heads(k))
        scores = scores * inverse_norm(self._heads(q))[..., :, None]
        scores = scores * inverse_norm(self._heads(k))[..., None, :]
        weights = F.relu(scores * self.temperature)
        # The projection is linear in v as well: one C x C matrix per frame does both.
        mixing = torch.einsum("onc,tncd->tond", self._project_heads(), weights).flatten(2)
        return torch.einsum("toc,tchw->tohw", mixing, v)

    def _heads(self, x: Tensor) -> Tensor:
        return x.flatten(2).unflatten(1, (self.heads, -1))

    def _project_heads(self) -> Tensor:
        return self.project.weight.flatten(1).unflatten(1, (self.heads, -1))


class FilterAttention(ChannelAttention):
    """Attention with q, k, v from a 1x1 and a depthwise convolution; q passes a filter first."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.qkv_depthwise = depthwise(3 * channels, bias=False)
        self.query_conv = nn.Conv2d(channels, channels, 1)

    def filter_query(self, q: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv_depthwise(self.qkv(x)).chunk(3, dim=1)
        return self.attend(self.filter_query(q), k, v)


class HighpassAttention(FilterAttention):
    """The sparse high-pass filter: the query keeps each neighbourhood's maximum (eq. 4)."""

    def filter_query(self, q: Tensor) -> Tensor:
        return F.gelu(self.query_conv(F.max_pool2d(q, 3, stride=1, padding=1)))


class LowpassAttention(FilterAttention):
    """The sparse low-pass filter: the query is averaged down and interpolated back (eq. 6)."""

    def filter_query(self, q: Tensor) -> Tensor:
        pooled = F.gelu(self.query_conv(F.avg_pool2d(q, 2)))
        return F.interpolate(pooled, size=q.shape[-2:], mode="bilinear", align_corners=True)


class MixerAttention(ChannelAttention):
    """The frequency mixer: low frequencies ask, high frequencies answer (eq. 8)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads)
        self.decoupling = FrequencyDecoupling(channels)

    def forward(self, x: Tensor) -> Tensor:
        low, high = self.decoupling(x)
        return self.attend(low, high, high)


class Block(nn.Module):
    """A pre-norm transformer block: x + attention(LN(x)), then x + MLP(LN(x))."""

    def __init__(self, attention: type[ChannelAttention], channels: int, heads: int) -> None:
        super().__init__()
        self.norm1 = LayerNorm(channels)
        self.attention = attention(channels, heads)
        self.norm2 = LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class FrequencyPyramid(nn.Module):
    """Frames (T, 3, H, W) → low band (T, 96, H/8, W/8) and the high bands of the three levels.

    The high bands have 24, 48 and 96 channels at 1/2, 1/4 and 1/8 of the size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, CHANNELS[0], 3, stride=2, padding=1, bias=False)
        self.decoupling = nn.ModuleList(map(FrequencyDecoupling, CHANNELS))
        self.widen = nn.ModuleList(
            nn.Conv2d(fine, coarse, 1) for fine, coarse in pairwise(CHANNELS)
        )
        self.highpass = nn.ModuleList(
            blocks(HighpassAttention, count, channels, heads)
            for count, channels, heads in zip(HIGHPASS_BLOCKS, CHANNELS, HEADS, strict=True)
        )

    def decouple(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The deepest low band and the high bands of all levels, not yet filtered."""
        low, high = self.decoupling[0](self.patch_embedding(frames))
        highs = [high]
        for widen, decoupling in zip(self.widen, self.decoupling[1:], strict=True):
            low, high = decoupling(widen(F.avg_pool2d(low, 2)))
            highs.append(high)
        return low, highs

    def filter(self, highs: list[Tensor]) -> tuple[Tensor, ...]:
        return tuple(highpass(high) for highpass, high in zip(self.highpass, highs, strict=True))


class Magnifier(nn.Module):
    """Cleans the motion field and grows it, at 1/8 of the frame's size (eq. 7)."""

    def __init__(self) -> None:
        super().__init__()
        channels = CHANNELS[-1]
        self.lowpass = blocks(LowpassAttention, LOWPASS_BLOCKS, channels, HEADS[-1])
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, motion: Tensor, factor: float | Tensor) -> Tensor:
        return F.gelu(self.conv2(F.gelu(self.conv1(self.lowpass(motion))) * factor))


class Reconstruction(nn.Module):
    """Low band and filtered high bands → frames (T, 3, H, W), from the deep level up."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(2 * channels, channels, 1) for channels in CHANNELS)
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

    name: ClassVar[str] = "fd4mm"
    stride: ClassVar[int] = 8
    minimum_size: ClassVar[int] = 16
    shape_stride: ClassVar[int] = 8
    shape_channels: ClassVar[int] = CHANNELS[-1]
    receptive_radius = None
    value_range = (-1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = FrequencyPyramid()
        self.magnifier = Magnifier()
        self.reconstruction = Reconstruction()

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        low, highs = self.pyramid.decouple(frames)
        return self.pyramid.filter(highs), low

    def encode_shape(self, frames: Tensor) -> Tensor:
        low, _ = self.pyramid.decouple(frames)
        return low

    def manipulate(self, shape: Tensor, motion: Tensor, alpha: float | Tensor) -> Tensor:
        return shape + self.magnifier(motion, alpha - 1.0)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        return self.reconstruction(texture, shape)


def depthwise(channels: int, *, bias: bool = True) -> nn.Conv2d:
    """A 3x3 convolution of each channel by itself."""
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=bias)


def blocks(
    attention: type[ChannelAttention], count: int, channels: int, heads: int
) -> nn.Sequential:
    return nn.Sequential(*(Block(attention, channels, heads) for _ in range(count)))


def inverse_norm(x: Tensor) -> Tensor:
    """1 / L2 norm over the last axis."""
    return (x * x).sum(dim=-1).add(NORM_EPSILON).rsqrt()
