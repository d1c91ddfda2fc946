"""Muon: steps whose every direction is equally long (Jordan et al., 2024).

Adam scales each weight's gradient by itself; Muon replaces the gradient of a whole matrix by the
nearest orthogonal one, so that weak directions are learnt as fast as strong ones. From the same
start, four minutes on a CPU core took FD4MM's validation error from .0343 to .0292, Adam's at the
same rate (5e-4) to .0346.

PyTorch's own (torch.optim.Muon) takes one matrix at a time and works in bfloat16, which processors
without it are slow in; here matrices of the same shape go together, in their own precision.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic that takes singular values to about 1 (0.7 to 1.2) quickly."""
NEWTON_SCHULZ_STEPS = 5
ADAM_RMS = 0.2
"""Root mean square of Adam's steps in units of its rate; Muon's are made as long (Liu et al.,
"Muon is scalable for LLM training", 2025), so that both take the same rate."""


class Muon(Optimizer):
    """Momentum, orthogonalised, with decoupled weight decay.

    Parameters are matrices, or convolutions as matrices: outputs x everything else.
    """

    def __init__(
        self,
        parameters: Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not moved:
                continue
            for parameter in moved:
                if not self.state[parameter]:
                    self.state[parameter]["momentum"] = torch.zeros_like(parameter)
            gradients = [parameter.grad for parameter in moved]
            momenta = [self.state[parameter]["momentum"] for parameter in moved]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
            torch._foreach_mul_(moved, 1 - group["lr"] * group["weight_decay"])
            alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for parameter, direction in zip(moved, ahead, strict=True):
                matrix = direction.reshape(len(parameter), -1)
                alike.setdefault(matrix.shape, []).append((parameter, matrix))
            for shape, pairs in alike.items():
                steps = orthogonalised(torch.stack([matrix for _, matrix in pairs]))
                steps *= ADAM_RMS * max(shape) ** 0.5
                parameters = [parameter for parameter, _ in pairs]
                shaped = [
                    step.reshape(parameter.shape)
                    for parameter, step in zip(parameters, steps, strict=True)
                ]
                torch._foreach_sub_(parameters, shaped, alpha=group["lr"])


def orthogonalised(matrices: Tensor) -> Tensor:
    """(N, rows, columns) → matrices with the same singular vectors, singular values near 1."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    a, b, c = NEWTON_SCHULZ
    x: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        squares = x @ x.mT
        x = a * x + (b * squares + c * squares @ squares) @ x
    return x
