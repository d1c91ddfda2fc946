"""Linear kernels that stand for an encoder (LBVMM, figure 9 and supplement A.7).

A channel's kernel is how its value at one place changes with the pixels around: the derivative,
averaged over places of real pictures. A channel that is linear has the same kernel everywhere.
"""

import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.models import MagnificationModel

PATCH = 64
"""Pixels of each side of the pieces that derivatives are taken in."""

PLACES = 12
"""Pieces that are averaged."""

SIDE = 25
"""Pixels of each side of a kernel that is shown."""


def representations(model: MagnificationModel, frames: Tensor) -> dict[str, Tensor]:
    """Everything that a model's encoder gives of frames (T, 3, H, W), by name: (T, C, h, w)."""
    texture, shape = model.encode(frames)
    if len(texture) == 1:
        return {"texture": texture[0], "shape": shape}
    named = {f"texture {number}": part for number, part in enumerate(texture, 1)}
    return {**named, "shape": shape}


def linear_kernels(
    model: MagnificationModel, frames: Tensor, seed: int = 0
) -> dict[str, tuple[Tensor, Tensor]]:
    """For each representation: its channels' kernels (C, 3, SIDE, SIDE), and how linear they are.

    Args:
        frames: real pictures (T, 3, H, W) as the model takes them, 64 pixels or more a side.

    Returns:
        By name, the mean derivative, and for each channel the share of the derivatives' energy that
        their mean has, 0 to 1: 1 where the channel is linear.

    Raises:
        SettingsError: the frames are smaller.
    """
    height, width = frames.shape[-2:]
    if min(height, width) < PATCH:
        raise SettingsError(f"kernels need frames of {PATCH} pixels or more a side")
    draw = torch.Generator().manual_seed(seed)
    sums: dict[str, Tensor] = {}
    energies: dict[str, Tensor] = {}
    for _ in range(PLACES):
        number, top, left = (
            int(torch.randint(0, most, (1,), generator=draw))
            for most in (len(frames), height - PATCH + 1, width - PATCH + 1)
        )
        piece = frames[number : number + 1, :, top : top + PATCH, left : left + PATCH]
        for name, derivative in _derivatives(model, piece.contiguous()).items():
            sums[name] = sums.get(name, torch.zeros_like(derivative)) + derivative
            energy = derivative.square().sum(dim=(1, 2, 3))
            energies[name] = energies.get(name, torch.zeros_like(energy)) + energy
    found = {}
    for name, total in sums.items():
        mean = total / PLACES
        linear = mean.square().sum(dim=(1, 2, 3)) / (energies[name] / PLACES).clamp(min=1e-20)
        found[name] = (mean, linear)
    return found


def _derivatives(model: MagnificationModel, piece: Tensor) -> dict[str, Tensor]:
    """How each channel's middle value changes with the pixels around, (C, 3, SIDE, SIDE)."""
    piece = piece.clone().requires_grad_()
    found = {}
    for name, values in representations(model, piece).items():
        row, column = values.shape[-2] // 2, values.shape[-1] // 2
        top = row * PATCH // values.shape[-2] - SIDE // 2
        left = column * PATCH // values.shape[-1] - SIDE // 2
        kernels = []
        for channel in range(values.shape[1]):
            (gradient,) = torch.autograd.grad(
                values[0, channel, row, column], piece, retain_graph=True
            )
            kernels.append(gradient[0, :, top : top + SIDE, left : left + SIDE])
        found[name] = torch.stack(kernels).detach()
    return found
