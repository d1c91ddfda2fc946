"""Measures the machine: what it is, how long something takes on it, what it reaches at best.

All that is compared takes turns in one run, so that a slow moment of the machine meets every
candidate. A figure is the median over the rounds.
"""

import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from magnify.engine.runtime import DTYPES, exact_float32

Step: TypeAlias = Callable[[], Tensor]
"""Computes one output frame, or a chunk of them."""
Clock: TypeAlias = Callable[[], float]
"""Runs something, and says how many seconds it took."""

MATRIX_SIDES = {"cpu": 1024, "cuda": 8192, "mps": 4096}
"""Sides that make a product take some milliseconds, so that starting it does not count."""
PRODUCT_PIXELS = (64, 64)
COPIED_BYTES = 2**28


@dataclass(frozen=True)
class Ceilings:
    """What the machine reaches at best.

    Attributes:
        matrix_product: operations a second in a large matrix product, by precision.
        copy: bytes a second, read and written, in a large copy.
    """

    matrix_product: dict[str, float]
    copy: float


def machine(device: torch.device) -> dict[str, str | int]:
    """Names what the figures are measured on."""
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
    """Makes a clock of `step` that waits for the device to finish."""

    def seconds() -> float:
        _wait(device)
        began = time.perf_counter()
        step()
        _wait(device)
        return time.perf_counter() - began

    return seconds


def medians(clocks: Mapping[str, Clock], repeats: int) -> dict[str, float]:
    """Gives the median seconds of each clock over `repeats` rounds, after one to warm up."""
    rounds = [{name: clock() for name, clock in clocks.items()} for _ in range(repeats + 1)]
    return {name: median(seconds[name] for seconds in rounds[1:]) for name in clocks}


@torch.inference_mode()
def measure_ceilings(repeats: int, device: torch.device) -> Ceilings:
    """Measures the machine. The faster of two ways to a matrix product counts.

    The two are the product as such, and the same as a 1x1 convolution.
    """
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
