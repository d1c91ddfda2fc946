"""Where a network runs, and in which number format: device, precision, memory."""

import ctypes
import sys
import time
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, get_args

import psutil
import torch
import torch.nn.functional as F

from magnify.engine.choices import Precision
from magnify.errors import SettingsError
from magnify.models import MagnificationModel

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

CLEARLY_FASTER = 1.3
"""How much faster bfloat16 has to be than float32 to be chosen for its speed."""


@dataclass(frozen=True)
class Runtime:
    """A device and a number format, checked to exist."""

    device: torch.device
    precision: Precision

    @property
    def dtype(self) -> torch.dtype:
        """What most of the network computes in; its shape representation is always float32."""
        return DTYPES[self.precision]


def select_runtime(device: str = "auto", precision: Precision = "auto") -> Runtime:
    """The runtime that `--device` and `--precision` ask for.

    `auto` takes the first of CUDA, MPS and CPU that is there. A precision of `auto` is settled
    when the model is known, by `automatic_precision`.

    Raises:
        SettingsError: the device does not exist here, or there is no such precision.
    """
    chosen = _select_device(device)
    if precision not in get_args(Precision):
        raise SettingsError(
            f"unknown precision '{precision}'; choose one of {', '.join(get_args(Precision))}"
        )
    return Runtime(chosen, precision)


def automatic_precision(model: MagnificationModel, device: torch.device) -> Literal["fp32", "bf16"]:
    """bfloat16 where both the model and the device compute faster in it, else float32."""
    gains = device.type in model.faster_in_bfloat16_on
    return "bf16" if gains and faster_in_bfloat16(device) else "fp32"


def faster_in_bfloat16(device: torch.device) -> bool:
    """Whether the device computes clearly faster in bfloat16 than in float32.

    On a CPU that is measured, in some 50 ms, on a convolution as large networks have them: a CPU
    without instructions for bfloat16 takes many times longer.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    seconds = {dtype: _convolution_seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return seconds[torch.float32] / seconds[torch.bfloat16] > CLEARLY_FASTER


@torch.inference_mode()
def _convolution_seconds(dtype: torch.dtype) -> float:
    """Processor time of one thread: what else the machine does must not decide."""
    frame = torch.ones(1, 64, 96, 96, dtype=dtype).to(memory_format=torch.channels_last)
    kernel = torch.ones(64, 64, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = []
        for _ in range(5):
            began = time.thread_time()
            F.conv2d(frame, kernel, padding=1)
            seconds.append(time.thread_time() - began)
    finally:
        torch.set_num_threads(threads)
    return min(seconds)


def _select_device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f"unknown device '{name}'; choose auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            found = f"{count} found" if count else "no CUDA device, or a CPU-only PyTorch, is here"
            raise SettingsError(f"device '{name}' does not exist: {found}; use --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("device 'mps' does not exist here; use --device cpu")
    return device


def tune_process() -> None:
    """Settles, for this process, what a program that magnifies wants of its libraries.

    The command line calls it once; a program that embeds this package may.
    """
    _keep_freed_memory()
    # Advice on PyTorch's own settings and code, which no user of this program can follow.
    warnings.filterwarnings("ignore", module=r"torch\._inductor")


def _keep_freed_memory() -> None:
    """Has the C library keep what it has mapped, where that is glibc.

    It would give every large tensor's memory back to the system, and the system would hand out
    zeroed pages for the next one: up to a third of a network's time at 720p.
    """
    trim_threshold, mmap_threshold, largest = -1, -3, 2**30
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "gnu_get_libc_version"):
        library.mallopt(mmap_threshold, largest)
        library.mallopt(trim_threshold, largest)


def exact_float32(device: torch.device) -> AbstractContextManager[None]:
    """A context in which a GPU's convolutions in float32 keep all bits.

    TF32, PyTorch's default for them, keeps 10 bits of each factor, and its rounding is magnified
    with the motion: simulated, a network's pictures fell to 39 dB at alpha 50.
    """
    if device.type != "cuda":
        return nullcontext()
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled,
        benchmark=torch.backends.cudnn.benchmark,
        deterministic=torch.backends.cudnn.deterministic,
        allow_tf32=False,
    )
    return flags


def available_memory() -> int:
    """Bytes of RAM that can be used without swapping."""
    return int(psutil.virtual_memory().available)
