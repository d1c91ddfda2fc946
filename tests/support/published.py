"""The networks in their readable form: as the published code computes them.

It is the reference that the fast form is tested equal to, and the cost that it is compared with. It
takes one pair of frames at a time, in float32 and NCHW memory, and encodes both in full. Branches
that nothing uses are computed. Layer norm, reflection padding and attention are steps of their own.
The weights are those of the network that is given.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models import MagnificationModel
from magnify.models.fd4mm import (
    FD4MM,
    Block,
    FilterAttention,
    FrequencyDecoupling,
    HighpassAttention,
    MixerAttention,
)
from magnify.models.lbvmm import LBVMM, ResidualBlock, Variant


def published_pair(
    model: MagnificationModel, reference: Tensor, query: Tensor, alpha: float
) -> Tensor:
    """Magnifies the motion from one frame to another, each (1, 3, H, W)."""
    if isinstance(model, FD4MM):
        return _fd4mm(model, reference, query, alpha)
    assert isinstance(model, LBVMM)
    return _lbvmm(model, reference, query, alpha)


def _lbvmm(model: LBVMM, reference: Tensor, query: Tensor, alpha: float) -> Tensor:
    variant = model.variant
    _, reference_shape = _lbvmm_encode(model, reference)
    texture, shape = _lbvmm_encode(model, query)
    motion = shape - reference_shape
    manipulator = model.manipulator
    grown = F.relu(_conv(manipulator.conv1, motion)) * (alpha - variant.alpha_at_rest)
    grown = _residual(manipulator.residual, _conv(manipulator.conv2, grown))
    shape = (shape if variant.added_to == "query" else reference_shape) + grown
    decoder = model.decoder
    texture = F.interpolate(texture, scale_factor=2, mode="nearest")
    if decoder.texture_conv is not None:
        texture = F.relu(_conv(decoder.texture_conv, texture))
    x = _residual(decoder.residual, torch.cat((texture, shape), dim=1))
    x = F.interpolate(x, scale_factor=2, mode="nearest")
    if decoder.tail_conv is not None:
        x = F.relu(_conv(decoder.tail_conv, x))
    return _conv(decoder.conv2, F.relu(_conv(decoder.conv1, x)))


def _lbvmm_encode(model: LBVMM, frames: Tensor) -> tuple[Tensor, Tensor]:
    encoder, variant = model.encoder, model.variant
    x = F.relu(_conv(encoder.conv1, frames))
    x = _residual(encoder.residual, F.relu(_strided(encoder.conv2, x, variant)))
    texture = F.relu(_strided(encoder.texture_conv, x, variant))
    texture = _residual(encoder.texture_residual, texture)
    if encoder.shape_conv is not None:
        x = F.relu(_conv(encoder.shape_conv, x))
    return texture, _residual(encoder.shape_residual, x)


def _residual(blocks: nn.Sequential, x: Tensor) -> Tensor:
    for block in blocks:
        assert isinstance(block, ResidualBlock)
        x = x + _conv(block.conv2, F.relu(_conv(block.conv1, x)))
    return x


def _conv(conv: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(conv, nn.Conv2d)
    edge = conv.kernel_size[0] // 2
    return F.conv2d(F.pad(x, (edge,) * 4, mode="reflect"), conv.weight, conv.bias)


def _strided(conv: nn.Conv2d, x: Tensor, variant: Variant) -> Tensor:
    if variant.strided_padding == "same":
        x = F.pad(x, (0, 1, 0, 1))
    else:
        x = F.pad(x, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(x, conv.weight, conv.bias, stride=2)


def _fd4mm(model: FD4MM, reference: Tensor, query: Tensor, alpha: float) -> Tensor:
    reference_low, _ = _fd4mm_encode(model, reference)
    low, highs = _fd4mm_encode(model, query)
    magnifier = model.magnifier
    x = low - reference_low
    for block in magnifier.lowpass:
        x = _block(block, x)
    grown = F.gelu(_plain(magnifier.conv1, x)) * (alpha - 1)
    x = low + F.gelu(_plain(magnifier.conv2, grown))
    decoder = model.reconstruction
    for level in (2, 1, 0):
        x = _plain(decoder.reduce[level], torch.cat((x, highs[level]), dim=1))
        for block in decoder.mixer[level].children():
            x = _block(block, x)
        x = F.pixel_shuffle(_plain(decoder.up[level], x), 2)
    return _plain(decoder.output, x)


def _fd4mm_encode(model: FD4MM, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
    pyramid = model.pyramid
    x = _plain(pyramid.patch_embedding, frames)
    highs = []
    for level in range(3):
        low, high = _decouple(pyramid.decoupling[level], x)
        for block in pyramid.highpass[level].children():
            high = _block(block, high)
        highs.append(high)
        if level < 2:
            x = _plain(pyramid.widen[level], F.avg_pool2d(low, 2))
    return low, highs


def _decouple(decoupling: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    assert isinstance(decoupling, FrequencyDecoupling)
    first, second = _plain(decoupling.depthwise, _plain(decoupling.pointwise, x)).chunk(2, dim=1)
    low = _plain(decoupling.low, first)
    high = _plain(decoupling.high, second) - low
    return F.gelu(low), F.gelu(high)


def _block(block: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(block, Block)
    x = x + _attention(block, _layer_norm(block.norm1, x))
    widen, _, narrow = block.mlp
    return x + _plain(narrow, F.gelu(_plain(widen, _layer_norm(block.norm2, x))))


def _attention(block: Block, x: Tensor) -> Tensor:
    attention = block.attention
    if isinstance(attention, MixerAttention):
        q, k = _decouple(attention.decoupling, x)
        v = k
    else:
        assert isinstance(attention, FilterAttention)
        q, k, v = _plain(attention.qkv_depthwise, _plain(attention.qkv, x)).chunk(3, dim=1)
        if isinstance(attention, HighpassAttention):
            q = F.gelu(_plain(attention.query_conv, F.max_pool2d(q, 3, stride=1, padding=1)))
        else:
            q = F.gelu(_plain(attention.query_conv, F.avg_pool2d(q, 2)))
            q = F.interpolate(q, size=x.shape[-2:], mode="bilinear", align_corners=True)
    heads = attention.heads
    q, k, v = (band.reshape(len(x), heads, -1, x[0, 0].numel()) for band in (q, k, v))
    q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
    weights = F.relu(q @ k.transpose(-2, -1) * attention.temperature)
    return _plain(attention.project, (weights @ v).reshape(x.shape))


def _layer_norm(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    rows = x.flatten(2).transpose(1, 2).contiguous()
    rows = F.layer_norm(rows, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return rows.transpose(1, 2).reshape(x.shape)


def _plain(conv: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(conv, nn.Conv2d)
    return F.conv2d(
        x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )
