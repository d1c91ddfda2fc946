"""SOAP: Adam, in the directions that gradients have (Vyas et al., 2024).

Inputs that are never negative share a strong mean. Along it a small step changes everything, across
it a large one changes little. Adam, which scales each weight by itself, cannot tell the two apart,
for no single weight lies along the mean. So its rate is too high for the one, which shuts rectified
channels off for good, or too low for the other. Here the axes of a weight (outputs, inputs, pixels
of the kernel) are turned into the eigenvectors of its gradients' second moments. Adam's step is
taken there, and turned back.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

MEMORY = 0.99
"""Decay of the second moments that the directions come from."""
REFRESH = 20
EARLY_REFRESHES = (2, 5, 10)
"""The directions are brought up to date every `REFRESH` steps, and after these: the first gradient
knows few of them."""
RIDGE = 1e-8
"""Share of their trace that is added to second moments: some channels have no gradient at all."""
FLOOR = 0.02
"""Share of a weight's typical gradient below which none is amplified: directions that moments were
not gathered in would otherwise be entered at full length."""
LONGEST = 2.0
"""No coordinate of a step is longer, in units of the rate."""


class Soap(Optimizer):
    """Adam in turned coordinates, with decoupled weight decay.

    Parameters are convolutions' weights (outputs, inputs, rows, columns), all with gradients. Those
    of the same shape go together: their state is that of the first.
    """

    def __init__(
        self,
        parameters: Iterable[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 1e-4,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, alike in shapes.items():
                gradients = torch.stack([weight.grad.flatten(2) for weight in alike])  # type: ignore[union-attr]
                steps = _steps(self.state[alike[0]], gradients, group["betas"])
                torch._foreach_mul_(alike, 1 - group["lr"] * group["weight_decay"])
                shaped = [step.reshape(shape) for step in steps]
                torch._foreach_sub_(alike, shaped, alpha=group["lr"])


def _steps(state: dict[str, Any], gradients: Tensor, betas: tuple[float, float]) -> Tensor:
    """Gradients of N weights (N, outputs, inputs, pixels) → steps, in units of the rate."""
    axes = range(1, gradients.ndim)
    moments = [_second_moments(gradients, axis) for axis in axes]
    if not state:
        state["step"] = 0
        state["momentum"] = torch.zeros_like(gradients)
        state["squares"] = torch.zeros_like(gradients)
        state["moments"] = [torch.zeros_like(moment) for moment in moments]
        state["directions"] = [
            torch.linalg.eigh(_ridged(moment))[1].flip(-1).to(gradients.dtype) for moment in moments
        ]
    state["step"] += 1
    momentum, squares, directions = state["momentum"], state["squares"], state["directions"]
    torch._foreach_lerp_(state["moments"], moments, 1 - MEMORY)
    momentum.lerp_(gradients, 1 - betas[0])
    squares.lerp_(_turned(gradients, directions).square(), 1 - betas[1])
    unbiased = [1 - beta ** state["step"] for beta in betas]
    typical = (squares / unbiased[1]).sqrt()
    floor = FLOOR * typical.mean(dim=tuple(axes), keepdim=True) + torch.finfo(typical.dtype).tiny
    steps = _turned(momentum, directions) / unbiased[0] / (typical + floor)
    steps = _turned(steps.clamp(-LONGEST, LONGEST), [direction.mT for direction in directions])
    if state["step"] % REFRESH == 0 or state["step"] in EARLY_REFRESHES:
        state["directions"] = [
            torch.linalg.qr(_ridged(moment) @ direction.double())[0].to(gradients.dtype)
            for moment, direction in zip(state["moments"], directions, strict=True)
        ]
    return steps


def _second_moments(gradients: Tensor, axis: int) -> Tensor:
    """(N, ...) → (N, size, size) of one axis, summed over the others."""
    rows = gradients.movedim(axis, 1).flatten(2)
    return rows @ rows.mT


def _ridged(moments: Tensor) -> Tensor:
    """In double precision, invertible."""
    ridged = moments.double()
    trace = ridged.diagonal(dim1=1, dim2=2).sum(-1, keepdim=True)
    ridged.diagonal(dim1=1, dim2=2).add_(RIDGE * trace + torch.finfo(moments.dtype).tiny)
    return ridged


def _turned(weights: Tensor, directions: list[Tensor]) -> Tensor:
    """(N, outputs, inputs, pixels) along other directions, columns of (N, size, size) each."""
    for direction in directions:  # each time the first axis goes, and comes back as the last
        weights = torch.einsum("nabc,nad->nbcd", weights, direction)
    return weights
