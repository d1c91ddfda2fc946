"""Keeps an exponential moving average of a model's weights."""

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Keeps an exponential moving average of a model's weights.

    Attributes:
        weights: the averaged weights, a state dict.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follows optimiser step `step`, from 1. The first are averaged over a shorter time."""
        decay = min(self.decay, step / (step + 10))
        state = model.state_dict()
        followed: list[Tensor] = [state[name] for name in self.weights]
        torch._foreach_lerp_(list(self.weights.values()), followed, 1 - decay)
