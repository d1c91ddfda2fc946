"""`magnify bench precision`: what a short number format does to the pictures."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.lab.bench.options import Device
from magnify.cli.lab.bench.tables import print_table
from magnify.cli.lab.options import Model
from magnify.cli.options import Json


class ShortFormat(StrEnum):
    bf16 = "bf16"
    fp16 = "fp16"


ALPHAS = (5.0, 20.0, 50.0)


def precision(
    clip: Annotated[Path, typer.Argument(help="A real video.", show_default=False, metavar="CLIP")],
    alphas: Annotated[
        list[float] | None,
        typer.Option("--alpha", help="Magnification factor; may be repeated. Default: 5, 20, 50."),
    ] = None,
    model: Annotated[Model | None, typer.Option(help="Built-in network.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Or a checkpoint file.")] = None,
    frames: Annotated[int, typer.Option(help="Frames, spread over the clip.", min=2)] = 5,
    device: Device = "auto",
    short: Annotated[
        ShortFormat, typer.Option("--precision", help="What to compare with float32.")
    ] = ShortFormat.bf16,
    as_json: Json = False,
) -> None:
    """Compare pictures of a short number format with those of float32: PSNR."""
    from magnify.lab.benchmarks.precision import precision_cost
    from magnify.lab.evaluation import load_method

    name = None if model is None else model.value
    exact, _ = load_method(name, weights, device, "fp32")
    compared, facts = load_method(name, weights, device, short.value)
    costs = list(precision_cost(exact, compared, clip, alphas or ALPHAS, frames))
    if as_json:
        found = {**facts, "clip": str(clip), "costs": list(map(asdict, costs))}
        typer.echo(json.dumps(found))
        return
    print_table(
        [f"{Path(facts['weights']).name}, {clip.name}, {short.value}", "worst, dB", "mean, dB"],
        [[f"alpha {cost.alpha:g}", f"{cost.worst:.1f}", f"{cost.mean:.1f}"] for cost in costs],
    )
