"""How long a frame takes in a network, beside its published form and what the hardware can do.

All that is compared is measured in turn in one run, so that a slow moment of the machine meets
every candidate; the figure is the median.
"""

import math
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from magnify.engine.network import Network
from magnify.engine.runtime import DTYPES, Runtime, exact_float32
from magnify.lab.benchmarks.complexity import NETWORKS, Step, complexity
from magnify.lab.benchmarks.published import published_pair
from magnify.models import MagnificationModel

Clock: TypeAlias = Callable[[], float]
"""Runs something and says how many seconds it took."""

MATRIX_SIDES = {"cpu": 1024, "cuda": 8192, "mps": 4096}
"""Some milliseconds of work, so that starting it does not count."""
PRODUCT_PIXELS = (64, 64)
COPIED_BYTES = 2**28


@dataclass(frozen=True)
class NetworkTime:
    """One network at one size in one precision; milliseconds are per output frame."""

    model: str
    height: int
    width: int
    precision: str
    chunk: int
    """How many frames run at once."""
    milliseconds: float
    published_milliseconds: float
    times_faster: float
    share_of_ceiling: float
    """The least time that the operations take at the matrix product's speed, in this time."""
    operations: int
    least_bytes: int


@dataclass(frozen=True)
class Ceilings:
    """What the machine reaches in a large matrix product (operations/s) and a copy (bytes/s)."""

    matrix_product: dict[str, float]
    copy: float


def machine(device: torch.device) -> dict[str, str | int]:
    """What the figures were measured on."""
    facts: dict[str, str | int] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def timed(step: Step, device: torch.device) -> Clock:
    """A clock of `step`, which waits for the device to finish."""

    def seconds() -> float:
        _wait(device)
        began = time.perf_counter()
        step()
        _wait(device)
        return time.perf_counter() - began

    return seconds


def medians(clocks: Mapping[str, Clock], repeats: int) -> dict[str, float]:
    """Seconds by each clock, the median of `repeats` rounds after one that does not count."""
    rounds = [{name: clock() for name, clock in clocks.items()} for _ in range(repeats + 1)]
    return {name: median(seconds[name] for seconds in rounds[1:]) for name in clocks}


@contextmanager
def published_clock(name: str, height: int, width: int, device: torch.device) -> Iterator[Clock]:
    """A clock of the published form, in a process of its own.

    There, memory is allocated as the published code finds it: what `magnify` sets for its own
    process would halve the published time as well.
    """
    here, there = (context := multiprocessing.get_context("spawn")).Pipe()
    worker = context.Process(
        target=_serve, args=(there, name, height, width, str(device)), daemon=True
    )
    worker.start()

    def seconds() -> float:
        here.send(True)
        elapsed: float = here.recv()
        return elapsed

    try:
        yield seconds
    finally:
        here.send(False)
        worker.join()


@torch.inference_mode()
def _serve(connection: Connection, name: str, height: int, width: int, device_name: str) -> None:
    device = torch.device(device_name)
    model, frame = random_network(name, height, width, device)
    clock = timed(lambda: published_pair(model, frame, frame, 10.0), device)
    while connection.recv():
        connection.send(clock())


def random_network(
    name: str, height: int, width: int, device: torch.device
) -> tuple[MagnificationModel, Tensor]:
    """A network with random weights, and a frame (1, 3, H, W) of noise in [0, 1]."""
    torch.manual_seed(0)
    model = NETWORKS[name]().eval().to(device)
    return model, torch.rand(1, 3, height, width, device=device)


def random_pictures(count: int, frame: Tensor) -> Tensor:
    """As many pictures (T, H, W, 3), uint8, as large as the frame (1, 3, H, W) and where it is."""
    size = (count, *frame.shape[-2:], 3)
    return torch.randint(0, 256, size, dtype=torch.uint8, device=frame.device)


def chunk_step(network: Network, pictures: Tensor) -> Step:
    """What the static mode computes for a chunk of pictures."""
    reference = network.encode_shape(pictures[:1])

    def step() -> Tensor:
        texture, shape = network.encode(pictures)
        return network.decode(texture, shape, shape - reference, 10.0, like=pictures)

    return step


@torch.inference_mode()
def measure_ceilings(repeats: int, device: torch.device) -> Ceilings:
    """The faster of the two ways to a matrix product: as such, and as a 1x1 convolution."""
    clocks: dict[str, Clock] = {}
    side = MATRIX_SIDES[device.type]
    for precision in ("fp32", "bf16"):
        dtype = DTYPES[precision]
        kernel = torch.ones(side, side, 1, 1, dtype=dtype, device=device)
        pixels = torch.ones(1, side, *PRODUCT_PIXELS, dtype=dtype, device=device)
        pixels = pixels.to(memory_format=torch.channels_last)
        rows = pixels.permute(0, 2, 3, 1).flatten(0, 2)
        product = partial(torch.mm, rows, kernel[:, :, 0, 0])
        clocks[f"{precision} product"] = timed(product, device)
        clocks[f"{precision} convolution"] = timed(partial(F.conv2d, pixels, kernel), device)
    source = torch.ones(COPIED_BYTES // 4, device=device)
    clocks["copy"] = timed(partial(torch.empty_like(source).copy_, source), device)
    with exact_float32(device):
        seconds = medians(clocks, repeats)
    operations = 2 * side**2 * math.prod(PRODUCT_PIXELS)
    return Ceilings(
        matrix_product={
            precision: operations
            / min(seconds[f"{precision} product"], seconds[f"{precision} convolution"])
            for precision in ("fp32", "bf16")
        },
        copy=2 * COPIED_BYTES / seconds["copy"],
    )


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
) -> list[NetworkTime]:
    """A network in float32 and bfloat16 beside its published form, with random weights.

    Ours in chunks as in a whole command, from 8-bit pictures on the device to such.
    """
    model, frame = random_network(name, height, width, device)
    with published_clock(name, height, width, device) as published:
        clocks = {"published": published}
        chunks = {}
        for precision in ("fp32", "bf16"):
            runtime = Runtime(device, precision)
            network = Network(deepcopy(model), runtime, compile="on" if compiled else "off")
            chunks[precision] = network.chunk_size(height, width)
            pictures = random_pictures(chunks[precision], frame)
            clocks[precision] = timed(chunk_step(network, pictures), device)
        seconds = medians(clocks, repeats)
    for precision, chunk in chunks.items():
        seconds[precision] /= chunk
    cost = complexity(name, height, width)
    return [
        NetworkTime(
            model=name,
            height=height,
            width=width,
            precision=precision,
            chunk=chunk,
            milliseconds=1e3 * seconds[precision],
            published_milliseconds=1e3 * seconds["published"],
            times_faster=seconds["published"] / seconds[precision],
            share_of_ceiling=cost.operations
            / ceilings.matrix_product[precision]
            / seconds[precision],
            operations=cost.operations,
            least_bytes=cost.least_bytes,
        )
        for precision, chunk in chunks.items()
    ]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
