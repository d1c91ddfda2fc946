"""Measures how long a frame takes in a network, beside what the machine can do."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from magnify.engine.network import Network
from magnify.engine.runtime import Runtime
from magnify.lab.speed.machine import Ceilings, Clock, Step, medians, timed
from magnify.models import MagnificationModel
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick

NETWORKS: dict[str, type[MagnificationModel]] = {"lbvmm": LBVMM, "fd4mm": FD4MM, "quick": Quick}


@dataclass(frozen=True)
class NetworkTime:
    """What a network costs at one size, in one precision.

    Attributes:
        chunk: how many frames run at once.
        milliseconds: per output frame.
        share_of_ceiling: the least time that the operations take at the matrix product's speed,
            over the time that they took.
        operations: per output frame; see `count_operations`.
        least_bytes: the weights and a frame read, and a frame written, in float32.
    """

    model: str
    height: int
    width: int
    precision: str
    chunk: int
    milliseconds: float
    share_of_ceiling: float
    operations: int
    least_bytes: int


def random_network(
    name: str, height: int, width: int, device: torch.device
) -> tuple[MagnificationModel, Tensor]:
    """Makes a network with random weights, and a frame (1, 3, H, W) of noise in [0, 1].

    Random weights are as fast as trained ones, and every network has them.
    """
    torch.manual_seed(0)
    model = NETWORKS[name]().eval().to(device)
    return model, torch.rand(1, 3, height, width, device=device)


def random_pictures(count: int, frame: Tensor) -> Tensor:
    """Makes pictures (T, H, W, 3), uint8, as large as the frame (1, 3, H, W) and where it is."""
    size = (count, *frame.shape[-2:], 3)
    return torch.randint(0, 256, size, dtype=torch.uint8, device=frame.device)


def chunk_step(network: Network, pictures: Tensor) -> Step:
    """Makes the step that static mode takes for a chunk of pictures."""
    reference = network.encode_shape(pictures[:1])

    def step() -> Tensor:
        texture, shape = network.encode(pictures)
        return network.decode(texture, shape, shape - reference, 10.0, like=pictures)

    return step


def frame_step(model: MagnificationModel, frame: Tensor) -> Step:
    """Makes the step that static mode takes for a frame (1, 3, H, W), without the engine."""
    with torch.inference_mode():
        reference = model.encode_shape(frame)

    def step() -> Tensor:
        texture, shape = model.encode(frame)
        return model.decode(texture, model.manipulate(shape, shape - reference, 10.0, texture))

    return step


def weightless(name: str, height: int, width: int) -> tuple[MagnificationModel, Tensor]:
    """Makes a network and a frame (1, 3, H, W) that have shapes but no numbers."""
    with torch.device("meta"):
        return NETWORKS[name]().eval(), torch.empty(1, 3, height, width)


def count_operations(step: Step) -> int:
    """Counts the operations of a step: two for each multiply-add of convolutions and products."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


@torch.inference_mode()
def measure_network(
    name: str,
    height: int,
    width: int,
    ceilings: Ceilings,
    repeats: int,
    device: torch.device,
    *,
    compiled: bool = False,
    beside: Mapping[str, Clock] | None = None,
) -> tuple[list[NetworkTime], dict[str, float]]:
    """Measures a network with random weights in float32 and bfloat16.

    Frames go in chunks as in a whole command, from 8-bit pictures on the device to such.

    Args:
        beside: clocks that take turns with the network's.

    Returns:
        The network's times, and the median seconds of each clock of `beside`.
    """
    model, frame = random_network(name, height, width, device)
    clocks = dict(beside or {})
    chunks = {}
    for precision in ("fp32", "bf16"):
        runtime = Runtime(device, precision)
        network = Network(deepcopy(model), runtime, compile="on" if compiled else "off")
        chunks[precision] = network.chunk_size(height, width)
        pictures = random_pictures(chunks[precision], frame)
        clocks[precision] = timed(chunk_step(network, pictures), device)
    seconds = medians(clocks, repeats)
    operations = count_operations(frame_step(*weightless(name, height, width)))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    times = [
        NetworkTime(
            model=name,
            height=height,
            width=width,
            precision=precision,
            chunk=chunk,
            milliseconds=1e3 * seconds[precision] / chunk,
            share_of_ceiling=operations
            / ceilings.matrix_product[precision]
            / (seconds[precision] / chunk),
            operations=operations,
            least_bytes=4 * (parameters + 2 * frame.numel()),
        )
        for precision, chunk in chunks.items()
    ]
    return times, {clock: seconds[clock] for clock in beside or {}}
