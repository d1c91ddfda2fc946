"""Where and how a network runs: device, precision, chunk size, and what to do when memory ends."""

import ctypes
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal, get_args

import psutil
import torch
from torch import Tensor

from magnify.errors import MagnifyError, SettingsError
from magnify.frames import to_model, to_pictures
from magnify.models import MagnificationModel, Texture

Precision = Literal["auto", "fp32", "bf16", "fp16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

ACTIVATION_BYTES = {"lbvmm": 1000, "fd4mm": 500}
"""Peak bytes per frame pixel of a frame in the network, float32; measured, rounded up."""

LARGEST_CHUNK = 16

MEASURED_SIZE = 128
CLEARLY_FASTER = 1.3


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

    `auto` takes the first of CUDA, MPS and CPU that is there; its precision is bfloat16 on CUDA
    devices that compute in it, float32 on MPS, and left to a measurement on a CPU.

    Raises:
        SettingsError: the device does not exist here, or cannot compute in that precision.
    """
    chosen = _select_device(device)
    if precision not in get_args(Precision):
        raise SettingsError(
            f"unknown precision '{precision}'; choose one of {', '.join(get_args(Precision))}"
        )
    if precision == "auto" and chosen.type != "cpu":
        fast = chosen.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return Runtime(chosen, "bf16" if fast else "fp32")
    return Runtime(chosen, precision)


@torch.inference_mode()
def faster_precision(model: MagnificationModel) -> Literal["fp32", "bf16"]:
    """The faster of float32 and bfloat16 for a model on this CPU: measured, in about 0.2 seconds.

    bfloat16 has to win clearly, so that a busy machine does not choose another way every time.
    """
    reduced = deepcopy(model)
    reduced.reduce_precision(torch.bfloat16)
    frame = torch.zeros(1, 3, MEASURED_SIZE, MEASURED_SIZE)
    frame = frame.to(memory_format=torch.channels_last)
    seconds: dict[str, float] = {}
    for _ in range(3):
        for precision, candidate in (("fp32", model), ("bf16", reduced)):
            began = time.perf_counter()
            candidate(frame, frame, 2.0)
            elapsed = time.perf_counter() - began
            seconds[precision] = min(elapsed, seconds.get(precision, elapsed))
    return "bf16" if seconds["fp32"] > CLEARLY_FASTER * seconds["bf16"] else "fp32"


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


def keep_freed_memory() -> None:
    """Has the C library keep what it has mapped, where that is glibc.

    It would give every large tensor's memory back to the system, and the system would hand out
    zeroed pages for the next one: up to a third of a network's time at 720p.
    """
    trim_threshold, mmap_threshold, largest = -1, -3, 2**30
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "gnu_get_libc_version"):
        library.mallopt(mmap_threshold, largest)
        library.mallopt(trim_threshold, largest)


def available_memory() -> int:
    """Bytes of RAM that can be used without swapping."""
    return int(psutil.virtual_memory().available)


class Network:
    """A model on its device: pictures in, pictures out, split up when memory ends."""

    def __init__(self, model: MagnificationModel, runtime: Runtime) -> None:
        self.model = model.eval().to(runtime.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if runtime.device.type == "cpu":
            keep_freed_memory()
        if runtime.precision == "auto":
            runtime = replace(runtime, precision=faster_precision(model))
        if runtime.precision != "fp32":
            model.reduce_precision(runtime.dtype)
        self.runtime = runtime
        self._largest_part = LARGEST_CHUNK

    def chunk_size(self, height: int, width: int) -> int:
        """How many frames of that size to run at once: what a quarter of the free memory holds."""
        if self.runtime.device.type != "cuda":
            return 1  # more gains nothing, and less of each frame stays in the cache
        free, _ = torch.cuda.mem_get_info(self.runtime.device)
        itemsize = self.runtime.dtype.itemsize
        frame = ACTIVATION_BYTES[self.model.name] * itemsize // 4 * height * width
        return int(max(1, min(LARGEST_CHUNK, free // 4 // frame)))

    def encode(self, pictures: Tensor) -> tuple[Texture, Tensor]:
        """Pictures (T, H, W, 3), on any device → texture and shape, on the network's."""

        def encode(pictures: Tensor) -> tuple[Tensor, ...]:
            texture, shape = self.model.encode(self._frames(pictures))
            return *texture, shape

        *texture, shape = self._in_parts(encode, pictures)
        return tuple(texture), shape

    def encode_shape(self, pictures: Tensor) -> Tensor:
        """Pictures (T, H, W, 3), on any device → shape, on the network's."""

        def encode_shape(pictures: Tensor) -> tuple[Tensor]:
            return (self.model.encode_shape(self._frames(pictures)),)

        (shape,) = self._in_parts(encode_shape, pictures)
        return shape

    def decode(
        self, texture: Texture, shape: Tensor, motion: Tensor, alpha: float, like: Tensor
    ) -> Tensor:
        """What `encode` gave, and the motion → magnified pictures (T, H, W, 3) on the CPU.

        They have the size and type of the pictures `like`.
        """

        def decode(shape: Tensor, motion: Tensor, *texture: Tensor) -> tuple[Tensor]:
            frames = self.model.decode(texture, self.model.manipulate(shape, motion, alpha))
            return (to_pictures(frames, like, self.model).cpu(),)

        (pictures,) = self._in_parts(decode, shape, motion, *texture)
        return pictures

    def _frames(self, pictures: Tensor) -> Tensor:
        return to_model(pictures.to(self.runtime.device), self.model, torch.float32)

    def _in_parts(
        self, function: Callable[..., tuple[Tensor, ...]], *batches: Tensor
    ) -> tuple[Tensor, ...]:
        """`function` of tensors that share the batch axis, in halves for as long as memory ends."""
        count = len(batches[0])
        if count <= self._largest_part:
            try:
                return function(*batches)
            except torch.OutOfMemoryError as error:
                if count == 1:
                    raise MagnifyError(
                        f"a single frame does not fit into the memory of {self.runtime.device}; "
                        "use a smaller video, --precision bf16 or --device cpu"
                    ) from error
            torch.cuda.empty_cache()
            self._largest_part = count // 2
        parts = zip(*(torch.split(batch, self._largest_part) for batch in batches), strict=True)
        results = [self._in_parts(function, *part) for part in parts]
        return tuple(torch.cat(outputs) for outputs in zip(*results, strict=True))
