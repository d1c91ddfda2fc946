"""Where and how networks run: what lower precision does to the pictures, and how it is chosen."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from magnify.engine import runtime
from magnify.engine.choices import Compile
from magnify.engine.network import LARGEST_CHUNK, Network
from magnify.engine.runtime import Precision, Runtime, select_runtime
from magnify.engine.transfer import Download
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.pipeline.clips import ArrayClip
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.modes import Static
from magnify.pipeline.prepare import load_engine
from support.clips import drifting_pattern
from support.formula import BY_NAME, formula_model


def magnified(layout: str, precision: Precision, device: str = "cpu") -> NDArray[np.uint8]:
    """Two frames of a drifting pattern, magnified by a network with the goldens' weights."""
    network = Network(formula_model(BY_NAME[layout]), Runtime(torch.device(device), precision))
    pictures = torch.from_numpy(drifting_pattern(2, 48, 64, step=0.2))
    texture, shape = network.encode(pictures)
    assert shape.dtype == torch.float32
    motion = shape - network.encode_shape(pictures[:1])
    output = network.decode(texture, shape, motion, 10, like=pictures)
    return output.cpu().numpy()


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    error = np.square(one.astype(float) - other.astype(float)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


CPU = torch.device("cpu")

PSNR_IN_BFLOAT16 = pytest.mark.parametrize(
    ("layout", "decibels"), [("fd4mm", 30), ("lbvmm-magnify", 45)]
)
"""Random weights amplify more than trained ones, FD4MM's most of all."""


@PSNR_IN_BFLOAT16
@torch.inference_mode()
def test_bfloat16_gives_much_the_same_pictures(layout: str, decibels: float) -> None:
    exact = magnified(layout, "fp32")
    assert exact.std() > 10
    reduced = magnified(layout, "bf16")
    assert psnr(exact, reduced) > decibels
    assert not np.array_equal(exact, reduced)


@pytest.mark.gpu
@PSNR_IN_BFLOAT16
@torch.inference_mode()
def test_a_gpu_gives_much_the_same_pictures(layout: str, decibels: float) -> None:
    exact = magnified(layout, "fp32")
    assert psnr(exact, magnified(layout, "fp32", "cuda")) > 50
    assert psnr(exact, magnified(layout, "bf16", "cuda")) > decibels


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["lbvmm", "fd4mm"])
@pytest.mark.parametrize("compile", ["on", "off"])
def test_a_gpu_magnifies_chunk_by_chunk(name: str, compile: Compile) -> None:
    pictures = drifting_pattern(2 * LARGEST_CHUNK + 5, 96, 128, step=0.02)
    exact = load_engine(name, "cpu", "fp32")
    engine = load_engine(name, "cuda", "fp32", compile=compile)
    assert engine.network.chunk_size(96, 128) == LARGEST_CHUNK
    output = magnify_frames(pictures, weights=engine)
    assert psnr(output, magnify_frames(pictures, weights=exact)) > 50


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("name", ["lbvmm", "fd4mm"])
@torch.inference_mode()
def test_nothing_waits_for_the_gpu(name: str) -> None:
    """Queueing a chunk never stops until the GPU has come so far."""
    pictures = torch.from_numpy(drifting_pattern(8, 96, 128))
    network = load_engine(name, "cuda").network
    for mode in ("default", "error"):
        torch.cuda.set_sync_debug_mode(mode)
        try:
            texture, shape = network.encode(pictures)
            clip = ArrayClip(pictures.numpy(), 30)
            motion = Static().operator(clip, network, None, 8.0, print).feed(shape)
            download = Download(network.decode(texture, shape, motion, 10, like=pictures))
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert download.wait().numpy().std() > 10


def test_automatic_precision_is_what_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {torch.float32: 3.0, torch.bfloat16: 2.0}
    monkeypatch.setattr(runtime, "_convolution_seconds", seconds.get)
    network = Network(LBVMM(), select_runtime("cpu", "auto"))
    assert network.runtime.precision == "bf16"
    decoder = next(network.model.decoder.parameters())  # type: ignore[union-attr, operator]
    assert decoder.dtype == torch.bfloat16
    seconds[torch.bfloat16] = 2.9
    assert Network(LBVMM(), select_runtime("cpu", "auto")).runtime.precision == "fp32"


def test_the_measurement_leaves_the_threads_as_they_were() -> None:
    threads = torch.get_num_threads()
    assert runtime.automatic_precision(LBVMM(), CPU) in ("fp32", "bf16")
    assert runtime.automatic_precision(FD4MM(), CPU) == "fp32"
    assert torch.get_num_threads() == threads
