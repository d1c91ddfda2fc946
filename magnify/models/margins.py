"""Pictures that carry a margin through a network, so that no convolution pads a copy of them."""

import torch
import torch.nn.functional as F
from torch import Tensor


def reflected(x: Tensor, margin: int = 1) -> Tensor:
    """(T, C, h, w) with the outermost `margin` pixels replaced by a reflection of the inner ones.

    Every convolution of these networks is padded by reflection. Pictures carry that margin through
    the network, as a copy of each to pad it would cost a fifth of the time. Overwrites `x`, unless
    gradients are wanted.
    """
    if torch.is_grad_enabled():
        return F.pad(without_margin(x, margin), (margin,) * 4, mode="reflect")
    for edge in range(margin):
        inner = 2 * margin - edge
        x[:, :, edge], x[:, :, -1 - edge] = x[:, :, inner], x[:, :, -1 - inner]
    for edge in range(margin):
        inner = 2 * margin - edge
        x[..., edge], x[..., -1 - edge] = x[..., inner], x[..., -1 - inner]
    return x


def repeated(x: Tensor) -> Tensor:
    """Like `reflected`, with copies of the edge in a margin of 1."""
    if torch.is_grad_enabled():
        return F.pad(without_margin(x), (1, 1, 1, 1), mode="replicate")
    x[:, :, 0], x[:, :, -1] = x[:, :, 1], x[:, :, -2]
    x[..., 0], x[..., -1] = x[..., 1], x[..., -2]
    return x


def without_margin(x: Tensor, margin: int = 1) -> Tensor:
    return x[:, :, margin:-margin, margin:-margin]
