"""Pictures that carry a margin through a network, so that no convolution pads a copy of them."""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Padding: TypeAlias = Literal["reflect", "replicate"]


def reflected(x: Tensor, margin: int = 1) -> Tensor:
    """(T, C, h, w) with the outermost `margin` pixels replaced by a reflection of the inner ones.

    Every convolution of these networks is padded by reflection. Pictures carry that margin through
    the network, as a copy of each to pad it would cost a fifth of the time. Overwrites `x`.
    """
    return _extended(x, margin, "reflect", rectify=False)


def rectified(x: Tensor, margin: int = 1) -> Tensor:
    """`reflected(relu(x), margin)`; overwrites `x`."""
    return _extended(x, margin, "reflect", rectify=True)


def repeated(x: Tensor) -> Tensor:
    """Like `reflected`, with copies of the edge in a margin of 1."""
    return _extended(x, 1, "replicate", rectify=False)


def without_margin(x: Tensor, margin: int = 1) -> Tensor:
    return x[:, :, margin:-margin, margin:-margin]


def _extended(x: Tensor, margin: int, padding: Padding, rectify: bool) -> Tensor:
    if not torch.is_grad_enabled():
        return _extend(F.relu_(x) if rectify else x, margin, padding)
    if torch.compiler.is_compiling():  # its own kernels neither copy nor take Python in between
        inner = without_margin(F.relu(x) if rectify else x, margin)
        return F.pad(inner, (margin,) * 4, mode=padding)
    extended: Tensor = _Extension.apply(x, margin, padding, rectify)
    return extended


def _extend(x: Tensor, margin: int, padding: Padding) -> Tensor:
    for axis in (-2, -1):
        for outer, inner in _sources(margin, padding):
            x.select(axis, outer).copy_(x.select(axis, inner))
    return x


def _sources(margin: int, padding: Padding) -> Iterator[tuple[int, int]]:
    """Each row (or column) of the margin, and the one inside it that it repeats."""
    for edge in range(margin):
        inner = 2 * margin - edge if padding == "reflect" else margin
        yield edge, inner
        yield -1 - edge, -1 - inner


class _Extension(torch.autograd.Function):
    """`_extend` in place, with gradients.

    Autograd's paddings copy the picture, on a CPU out of its NHWC memory: half of a training step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, margin: int, padding: Padding, rectify: bool) -> Tensor:
        ctx.sources = list(_sources(margin, padding))
        ctx.mark_dirty(x)
        _extend(F.relu_(x) if rectify else x, margin, padding)
        ctx.save_for_backward(x if rectify else None)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        gradient = gradients[0].clone(memory_format=torch.channels_last)
        for axis in (-1, -2):
            for outer, inner in ctx.sources:
                gradient.select(axis, inner).add_(gradient.select(axis, outer))
                gradient.select(axis, outer).zero_()
        (rectified,) = ctx.saved_tensors
        if rectified is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, rectified, 0)
        return gradient, None, None, None
