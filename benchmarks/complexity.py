"""Counts parameters, and operations for one output frame (two for a multiply-add).

python benchmarks/complexity.py --size 720x720
"""

import json

import torch
import typer
from command_line import Size, run
from published import published_pair

from magnify.cli.lab.bench import SIZES
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.lab.speed.networks import NETWORKS, count_operations, frame_step, weightless

PUBLISHED = ("lbvmm", "fd4mm")
"""Networks whose published code does more than ours for the same picture."""


def count(name: str, height: int, width: int) -> dict[str, int]:
    """Counts for one network. Nothing is computed but shapes."""
    model, frame = weightless(name, height, width)

    def pair() -> torch.Tensor:
        if name in PUBLISHED:
            return published_pair(model, frame, frame, 10.0)
        return model(frame, frame, 10.0)  # type: ignore[no-any-return]

    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "published_operations": count_operations(pair),
        "operations": count_operations(frame_step(model, frame)),
    }


def main(size: Size = "720x720", as_json: Json = False) -> None:
    """Count parameters, and operations for one output frame: published form, and ours."""
    counted = {name: count(name, *SIZES[size]) for name in NETWORKS}
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
    typer.echo(markdown_table([size, "parameters", "published, 1e9 operations", "ours"], rows))


if __name__ == "__main__":
    run(main)
