"""How long a frame takes in a network, beside its published form and what the hardware can do.

All that is compared is measured in turn in one run, so that a slow moment of the machine meets
every candidate; the figure is the median.
"""

import math
import os
import platform
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F

from magnify.benchmarks.complexity import NETWORKS, Step, complexity, static_step
from magnify.benchmarks.published import published_pair
from magnify.runtime import DTYPES, Network, Runtime

MATRIX_SIDE = 1024
PRODUCT_PIXELS = (64, 64)
COPIED_BYTES = 2**28


@dataclass(frozen=True)
class NetworkTime:
    """One network at one size in one precision; milliseconds are per output frame."""

    model: str
    height: int
    width: int
    precision: str
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


def medians(steps: Mapping[str, Step], repeats: int, device: torch.device) -> dict[str, float]:
    """Seconds of each step, the median of `repeats` rounds after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_number in range(repeats + 1):
        for name, step in steps.items():
            _wait(device)
            began = time.perf_counter()
            step()
            _wait(device)
            if round_number:
                seconds[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in seconds.items()}


@torch.inference_mode()
def measure_ceilings(repeats: int, device: torch.device) -> Ceilings:
    """The faster of the two ways to a matrix product: as such, and as a 1x1 convolution."""
    steps: dict[str, Step] = {}
    for precision in ("fp32", "bf16"):
        dtype = DTYPES[precision]
        kernel = torch.ones(MATRIX_SIDE, MATRIX_SIDE, 1, 1, dtype=dtype, device=device)
        pixels = torch.ones(1, MATRIX_SIDE, *PRODUCT_PIXELS, dtype=dtype, device=device)
        pixels = pixels.to(memory_format=torch.channels_last)
        rows = pixels.permute(0, 2, 3, 1).flatten(0, 2)
        steps[f"{precision} product"] = partial(torch.mm, rows, kernel[:, :, 0, 0])
        steps[f"{precision} convolution"] = partial(F.conv2d, pixels, kernel)
    source = torch.ones(COPIED_BYTES // 4, device=device)
    steps["copy"] = partial(torch.empty_like(source).copy_, source)
    seconds = medians(steps, repeats, device)
    operations = 2 * MATRIX_SIDE**2 * math.prod(PRODUCT_PIXELS)
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
    name: str, height: int, width: int, ceilings: Ceilings, repeats: int, device: torch.device
) -> list[NetworkTime]:
    """A network in float32 and bfloat16 beside its published form, with random weights."""
    torch.manual_seed(0)
    published = NETWORKS[name]().eval().to(device)
    frame = torch.rand(1, 3, height, width, device=device)
    steps: dict[str, Step] = {"published": lambda: published_pair(published, frame, frame, 10.0)}
    last = frame.to(memory_format=torch.channels_last)
    for precision in ("fp32", "bf16"):
        network = Network(deepcopy(published), Runtime(device, precision))
        steps[precision] = static_step(network.model, last)
    seconds = medians(steps, repeats, device)
    cost = complexity(name, height, width)
    return [
        NetworkTime(
            model=name,
            height=height,
            width=width,
            precision=precision,
            milliseconds=1e3 * seconds[precision],
            published_milliseconds=1e3 * seconds["published"],
            times_faster=seconds["published"] / seconds[precision],
            share_of_ceiling=cost.operations
            / ceilings.matrix_product[precision]
            / seconds[precision],
            operations=cost.operations,
            least_bytes=cost.least_bytes,
        )
        for precision in ("fp32", "bf16")
    ]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
