"""A start for FD4MM that returns the query frame, instead of noise, before any training."""

import torch
from torch import Tensor

from magnify.models import FD4MM
from magnify.models.fd4mm import CHANNELS

PICTURE = 12
"""Channels that carry the picture: the four pixels of each 2x2 block in each colour."""
LINEAR = 5.0
"""GELU is linear around this bias, to 1e-4 for pixels in [-1, 1]."""
BRANCH_ENDS = ("attention.project.weight", "mlp.2.weight", "mlp.2.bias")


@torch.no_grad()
def start_as_identity(model: FD4MM) -> None:
    """Opens a way through the shallow high band that carries the pixels unchanged.

    All residual branches end in zeros. The remaining channels keep their random weights, so
    everything learns from the first step.
    """
    parameters = model.state_dict()  # the model's own tensors, not copies
    for name, parameter in parameters.items():
        if name.endswith(BRANCH_ENDS):
            parameter.zero_()
    _embed_pixels(parameters["pyramid.patch_embedding.weight"])
    _pass_high_band(parameters)
    _return_pixels(parameters)


def _embed_pixels(weight: Tensor) -> None:
    """Channel 4·colour + 2·row + column of the patch embedding is that pixel of the block."""
    weight[:PICTURE] = 0
    for channel in range(PICTURE):
        colour, pixel = divmod(channel, 4)
        row, column = divmod(pixel, 2)
        weight[channel, colour, 1 + row, 1 + column] = 1  # the 3x3 kernel starts a pixel earlier


def _pass_high_band(parameters: dict[str, Tensor]) -> None:
    decoupling = "pyramid.decoupling.0"
    first = slice(PICTURE)
    picked = slice(CHANNELS[0], CHANNELS[0] + PICTURE)
    halves = {"pointwise": picked, "depthwise": picked, "high": first, "low": first}
    for name, rows in halves.items():
        parameters[f"{decoupling}.{name}.weight"][rows] = 0
        parameters[f"{decoupling}.{name}.bias"][rows] = 0
    for channel in range(PICTURE):
        parameters[f"{decoupling}.pointwise.weight"][CHANNELS[0] + channel, channel] = 1
    parameters[f"{decoupling}.depthwise.weight"][picked, 0, 1, 1] = 1
    parameters[f"{decoupling}.high.weight"][first, 0, 1, 1] = 1
    parameters[f"{decoupling}.high.bias"][first] = LINEAR


def _return_pixels(parameters: dict[str, Tensor]) -> None:
    reduce, up = "reconstruction.reduce.0", "reconstruction.up.0.weight"
    for name in (f"{reduce}.weight", f"{reduce}.bias", up):
        parameters[name][:PICTURE] = 0
    for channel in range(PICTURE):
        parameters[f"{reduce}.weight"][channel, CHANNELS[0] + channel] = 1
        parameters[up][channel, channel, 1, 1] = 1  # pixel shuffle takes them in this order
    parameters[f"{reduce}.bias"][:PICTURE] = -LINEAR
    parameters["reconstruction.output.weight"].zero_()
    parameters["reconstruction.output.bias"].zero_()
    for colour in range(3):
        parameters["reconstruction.output.weight"][colour, colour, 1, 1] = 1
