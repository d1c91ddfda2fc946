"""Where a network's time goes, operation by operation."""

from dataclasses import dataclass

import torch
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity, profile

from magnify.engine.network import Network
from magnify.engine.runtime import Runtime
from magnify.engine.transfer import Download
from magnify.lab.benchmarks.timing import chunk_step, random_network, random_pictures

CHUNKS = 3


@dataclass(frozen=True)
class Operation:
    """What one kind of operation takes, of all its calls and without those it calls itself.

    Attributes:
        name: PyTorch's name; on a GPU, of the kernel.
        milliseconds: per output frame.
        share: of the time that all operations take together.
        calls: per output frame.
    """

    name: str
    milliseconds: float
    share: float
    calls: float


@torch.inference_mode()
def profile_network(
    name: str, height: int, width: int, runtime: Runtime, *, compiled: bool = False
) -> list[Operation]:
    """The static mode with random weights, from pictures on the CPU to such; longest first."""
    model, frame = random_network(name, height, width, runtime.device)
    network = Network(model, runtime, compile="on" if compiled else "off")
    chunk = network.chunk_size(height, width)
    step = chunk_step(network, random_pictures(chunk, frame).cpu())
    on_gpu = runtime.device.type == "cuda"
    Download(step()).wait()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as recorded:
        for _ in range(CHUNKS):
            Download(step()).wait()

    def microseconds(event: FunctionEventAvg) -> float:
        # A GPU's kernels are events of their own beside the operations that started them.
        if not on_gpu:
            return event.self_cpu_time_total
        return event.self_device_time_total if event.device_type.name == "CUDA" else 0.0

    frames = CHUNKS * chunk
    events = sorted(recorded.key_averages(), key=microseconds, reverse=True)
    whole = sum(map(microseconds, events))
    return [
        Operation(
            name=event.key,
            milliseconds=microseconds(event) / 1e3 / frames,
            share=microseconds(event) / whole,
            calls=event.count / frames,
        )
        for event in events
        if microseconds(event)
    ]
