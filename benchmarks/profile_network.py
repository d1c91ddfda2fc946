"""Finds out which operations a network's time goes to.

python benchmarks/profile_network.py --size 720x720 --model fd4mm
"""

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import torch
import typer
from command_line import Size, run
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity, profile

from magnify.cli.lab.bench import SIZES, Compile, Device, Networks
from magnify.cli.lab.options import Model, PrecisionName
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.engine.network import Network
from magnify.engine.runtime import Runtime, select_runtime, tune_process
from magnify.engine.transfer import Download
from magnify.lab.speed.networks import chunk_step, random_network, random_pictures

CHUNKS = 3


@dataclass(frozen=True)
class Operation:
    """What one kind of operation takes: all its calls, without the operations that these call.

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
    """Profiles static mode with random weights, from pictures on the CPU to such; longest first."""
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


def main(
    size: Size = "720x720",
    models: Networks = None,
    device: Device = "auto",
    precision: Annotated[PrecisionName, typer.Option(help="Number format.")] = PrecisionName.auto,
    compiled: Compile = False,
    rows: Annotated[int, typer.Option(help="How many operations to show.", min=1)] = 15,
    as_json: Json = False,
) -> None:
    """Find out which operations a network's time goes to."""
    tune_process()
    runtime = select_runtime(device, precision.value)
    found = {
        model.value: profile_network(model.value, *SIZES[size], runtime, compiled=compiled)[:rows]
        for model in models or Model
    }
    if as_json:
        printed = {name: list(map(asdict, operations)) for name, operations in found.items()}
        typer.echo(json.dumps(printed))
        return
    for name, operations in found.items():
        heads = [f"{name}, {size}", "ms/frame", "share", "calls/frame"]
        cells = [
            [o.name, f"{o.milliseconds:.3f}", f"{o.share:.1%}", f"{o.calls:.1f}"]
            for o in operations
        ]
        typer.echo(markdown_table(heads, cells) + "\n")


if __name__ == "__main__":
    run(main)
