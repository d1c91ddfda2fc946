"""`magnify bench complexity`: parameters and operations."""

import json
from dataclasses import asdict

import typer

from magnify.cli.lab.bench.options import SIZES, Size
from magnify.cli.lab.bench.tables import print_table
from magnify.cli.options import Json


def complexity(
    size: Size = "720x720",
    as_json: Json = False,
) -> None:
    """Count parameters, and operations for one output frame (two for a multiply-add)."""
    from magnify.lab.benchmarks.complexity import NETWORKS
    from magnify.lab.benchmarks.complexity import complexity as count

    counted = {name: asdict(count(name, *SIZES[size])) for name in NETWORKS}
    if as_json:
        typer.echo(json.dumps({"size": size, **counted}))
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
