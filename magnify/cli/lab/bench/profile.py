"""`magnify bench profile`: where the time goes."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from magnify.cli.lab.bench.options import SIZES, Compile, Device, Networks, Size, network_names
from magnify.cli.lab.bench.tables import print_table
from magnify.cli.lab.options import PrecisionName
from magnify.cli.options import Json


def profile(
    size: Size = "720x720",
    models: Networks = None,
    device: Device = "auto",
    precision: Annotated[PrecisionName, typer.Option(help="Number format.")] = PrecisionName.auto,
    compiled: Compile = False,
    rows: Annotated[int, typer.Option(help="How many operations to show.", min=1)] = 15,
    as_json: Json = False,
) -> None:
    """Find out which operations a network's time goes to."""
    from magnify.engine.runtime import select_runtime
    from magnify.lab.benchmarks.profile import profile_network

    runtime = select_runtime(device, precision.value)
    found = {
        name: profile_network(name, *SIZES[size], runtime, compiled=compiled)[:rows]
        for name in network_names(models)
    }
    if as_json:
        printed = {name: list(map(asdict, operations)) for name, operations in found.items()}
        typer.echo(json.dumps(printed))
        return
    for name, operations in found.items():
        heads = [f"{name}, {size}", "ms/frame", "share", "calls/frame"]
        print_table(
            heads,
            [
                [o.name, f"{o.milliseconds:.3f}", f"{o.share:.1%}", f"{o.calls:.1f}"]
                for o in operations
            ],
        )
        typer.echo()
