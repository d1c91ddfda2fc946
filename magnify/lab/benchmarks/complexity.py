"""Operations, counted on the graph that really runs, and the least that memory has to move."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from magnify.lab.benchmarks.published import published_pair
from magnify.models import MagnificationModel
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM

Step: TypeAlias = Callable[[], Tensor]
"""Computes one output frame, or a chunk of them."""

NETWORKS: dict[str, type[MagnificationModel]] = {"lbvmm": LBVMM, "fd4mm": FD4MM}


@dataclass(frozen=True)
class Complexity:
    """What a network costs on paper.

    Attributes:
        parameters: numbers learnt.
        published_operations: of the published form, for one output frame (both frames encoded).
        operations: of ours, for one output frame; two for each multiply-add, as in convolutions and
            matrix products, and none for anything else.
        least_bytes: the weights read, a frame read and one written, in float32.
    """

    parameters: int
    published_operations: int
    operations: int
    least_bytes: int


def complexity(name: str, height: int, width: int) -> Complexity:
    """Of one network at one size; nothing is computed for it but shapes."""
    with torch.device("meta"):
        model = NETWORKS[name]().eval()
        frame = torch.empty(1, 3, height, width)
    parameters = sum(parameter.numel() for parameter in model.parameters())

    def pair() -> Tensor:
        return published_pair(model, frame, frame, 10.0)

    return Complexity(
        parameters=parameters,
        published_operations=_operations(pair),
        operations=_operations(static_step(model, frame)),
        least_bytes=4 * (parameters + 2 * frame.numel()),
    )


def static_step(model: MagnificationModel, frame: Tensor) -> Step:
    """What the static mode computes for each frame: its reference is encoded beforehand."""
    with torch.inference_mode():
        reference = model.encode_shape(frame)

    def step() -> Tensor:
        texture, shape = model.encode(frame)
        return model.decode(texture, model.manipulate(shape, shape - reference, 10.0, texture))

    return step


def _operations(step: Step) -> int:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())
