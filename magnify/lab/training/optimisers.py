"""Decides which optimiser moves which of a network's weights, and how fast."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from magnify.lab.training.soap import Soap
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick

PIXEL_CHANNELS = 3
SLOW = 0.02
"""Share of the rate for FD4MM's low-pass blocks.

Layer norm makes the faintest motion as large as any, so what these blocks add to motion does not
fade with it, and is multiplied by alpha - 1: at the full rate the motion drowns in it.
"""


def make_optimisers(model: LBVMM | FD4MM | Quick) -> list[Optimizer]:
    """Makes SOAP, and AdamW for those weights of FD4MM and Quick that SOAP is not for.

    Their rate is 0 until `set_rate` gives one.
    """
    if isinstance(model, LBVMM):
        return [Soap([{"params": list(model.parameters()), "share": 1.0}], lr=0.0)]
    mixing = mixing_weights(model)
    not_adam = set(mixing)
    slow = set(model.magnifier.lowpass.parameters()) if isinstance(model, FD4MM) else set()

    def groups(parameters: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
        shares: dict[float, list[nn.Parameter]] = {}
        for parameter in parameters:
            shares.setdefault(SLOW if parameter in slow else 1.0, []).append(parameter)
        return [{"params": alike, "share": share} for share, alike in shares.items()]

    others = groups(parameter for parameter in model.parameters() if parameter not in not_adam)
    adam = torch.optim.AdamW(others, lr=0.0, betas=(0.9, 0.99), weight_decay=1e-4)
    return [adam, Soap(groups(mixing), lr=0.0)]


def set_rate(optimisers: list[Optimizer], rate: float) -> None:
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]


def mixing_weights(model: nn.Module) -> list[nn.Parameter]:
    """Finds the weights that SOAP is for: of convolutions that mix channels with channels.

    Not depthwise kernels nor what is next to the pixels: they are no matrices of like directions.
    """
    return [
        parameter
        for parameter in model.parameters()
        if parameter.ndim == 4 and min(parameter.shape[:2]) > PIXEL_CHANNELS
    ]
