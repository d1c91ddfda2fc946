"""`magnify bench precision`: what a short number format does to the pictures."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from magnify.cli.bench.options import Device, Json
from magnify.cli.bench.tables import print_json, print_table
from magnify.cli.options import Model
from magnify.errors import SettingsError


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
    from magnify.benchmarks.precision import precision_cost
    from magnify.checkpoints import DEFAULT_MODEL

    if model is not None and weights is not None:
        raise SettingsError("--model and --weights exclude each other; give one of them")
    chosen = weights or (model.value if model else DEFAULT_MODEL)
    costs = list(precision_cost(chosen, clip, alphas or ALPHAS, frames, device, short.value))
    if as_json:
        facts = {"weights": str(chosen), "clip": str(clip), "precision": short.value}
        print_json({**facts, "costs": list(map(asdict, costs))})
        return
    print_table(
        [f"{Path(chosen).name}, {clip.name}, {short.value}", "worst, dB", "mean, dB"],
        [[f"alpha {cost.alpha:g}", f"{cost.worst:.1f}", f"{cost.mean:.1f}"] for cost in costs],
    )
