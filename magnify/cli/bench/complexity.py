"""`magnify bench complexity`: parameters and operations."""

from dataclasses import asdict
from typing import Annotated

import typer

from magnify.cli.bench.options import SIZES, Json, parse_size
from magnify.cli.bench.tables import print_json, print_table


def complexity(
    size: Annotated[
        str, typer.Option(help="Frame size.", parser=parse_size, metavar="SIZE")
    ] = "720x720",
    as_json: Json = False,
) -> None:
    """Count parameters, and operations for one output frame (two for a multiply-add)."""
    from magnify.benchmarks.complexity import NETWORKS
    from magnify.benchmarks.complexity import complexity as count

    counted = {name: asdict(count(name, *SIZES[size])) for name in NETWORKS}
    if as_json:
        print_json({"size": size, **counted})
        return
    rows = [
        [
            name,
            f"{cost['parameters']:,}",
            f"{cost['published_operations'] / 1e9:.1f}",
            f"{cost['operations'] / 1e9:.1f}",
        ]
        for name, cost in counted.items()
    ]
    print_table([size, "parameters", "published, 1e9 operations", "ours"], rows)
