"""Compares the networks with their published form, in turn in one run.

    python benchmarks/published.py --size 720p --model fd4mm

The published form is what the authors' code computes: both frames encoded in full for every output,
in float32, one step at a time. It is the reference that the tests hold the fast form to.
"""

import json
import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from command_line import run

from magnify.cli.console import notice_line
from magnify.cli.lab.bench import SIZES, Compile, Device, Networks, parse_size
from magnify.cli.lab.options import Model
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.engine.runtime import select_runtime, tune_process
from magnify.errors import MagnifyError
from magnify.lab.speed.machine import Clock, machine, measure_ceilings, timed
from magnify.lab.speed.networks import measure_network, random_network

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.published import published_pair


@contextmanager
def published_clock(name: str, height: int, width: int, device: torch.device) -> Iterator[Clock]:
    """A clock of the published form, in a process of its own.

    There, memory is allocated as the published code finds it. What `magnify` sets for its own
    process would halve the published time as well.

    Raises:
        MagnifyError: by the clock, when that process has died.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(
        target=_serve, args=(there, name, height, width, str(device)), daemon=True
    )
    worker.start()
    there.close()  # so that a dead process is the end of the file, and not a wait for ever

    def seconds() -> float:
        try:
            here.send(True)
            elapsed: float = here.recv()
        except (EOFError, OSError) as error:
            worker.join()
            raise MagnifyError(
                f"the process that times the published {name} died (exit code {worker.exitcode}); "
                "try a smaller --size"
            ) from error
        return elapsed

    try:
        yield seconds
    finally:
        here.close()
        worker.join()


@torch.inference_mode()
def _serve(connection: Connection, name: str, height: int, width: int, device_name: str) -> None:
    device = torch.device(device_name)
    model, frame = random_network(name, height, width, device)
    clock = timed(lambda: published_pair(model, frame, frame, 10.0), device)
    try:
        while connection.recv():
            connection.send(clock())
    except EOFError:
        return


def compare(
    name: str, size: str, repeats: int, device: torch.device, *, compiled: bool
) -> list[dict[str, Any]]:
    """Measures one network at one size, in both precisions."""
    height, width = SIZES[size]
    ceilings = measure_ceilings(repeats, device)
    with published_clock(name, height, width, device) as published:
        times, others = measure_network(
            name,
            height,
            width,
            ceilings,
            repeats,
            device,
            compiled=compiled,
            beside={"published": published},
        )
    milliseconds = 1e3 * others["published"]
    return [
        {
            "size": size,
            **asdict(time),
            "published_milliseconds": milliseconds,
            "times_faster": milliseconds / time.milliseconds,
        }
        for time in times
    ]


def main(
    models: Networks = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            help="Frame size; may be repeated. Default: 360p.",
            parser=parse_size,
            metavar="SIZE",
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Rounds that the median is taken of.", min=1)] = 5,
    device: Device = "auto",
    compiled: Compile = False,
    as_json: Json = False,
) -> None:
    """Compare milliseconds a frame with the published form's."""
    tune_process()
    chosen = select_runtime(device).device
    rows: list[dict[str, Any]] = []
    for size in sizes or ["360p"]:
        for model in models or Model:
            notice_line(f"measuring {model.value} at {size}")
            rows += compare(model.value, size, repeats, chosen, compiled=compiled)
    if as_json:
        typer.echo(json.dumps({"machine": machine(chosen), "networks": rows}))
        return
    heads = ["size", "model", "precision", "ms/frame", "published", "faster", "of the ceiling"]
    cells = [
        [
            *(str(row[name]) for name in ("size", "model", "precision")),
            f"{row['milliseconds']:.1f}",
            f"{row['published_milliseconds']:.1f}",
            f"{row['times_faster']:.1f}x",
            f"{row['share_of_ceiling']:.0%}",
        ]
        for row in rows
    ]
    typer.echo(markdown_table(heads, cells))


if __name__ == "__main__":
    run(main)
