"""Compares a clip's pictures in a short number format with those in float32: PSNR.

python benchmarks/precision.py clip.mp4 --weights lbvmm.safetensors
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from command_line import run

from magnify.cli.lab.bench import Device
from magnify.cli.lab.options import Model
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.lab.evaluation import Method, excerpt, levels, load_method, psnr


class ShortFormat(StrEnum):
    bf16 = "bf16"
    fp16 = "fp16"


ALPHAS = (5.0, 20.0, 50.0)


def precision_cost(
    exact: Method, short: Method, clip: Path, alphas: Sequence[float], frames: int
) -> Iterator[dict[str, float]]:
    """Magnifies frames spread over a clip in both formats, at each alpha.

    Gives the worst and the mean PSNR over the frames, in dB.

    Raises:
        SettingsError: the clip has fewer than two frames.
        VideoError: the clip cannot be read.
    """
    pictures = excerpt(clip, frames)
    for alpha in alphas:
        expected, output = (levels(method(pictures, alpha, None)) for method in (exact, short))
        decibels = psnr(output, expected)
        yield {"alpha": alpha, "worst": float(decibels.min()), "mean": float(decibels.mean())}


def main(
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
    name = None if model is None else model.value
    exact, _ = load_method(name, weights, device, "fp32")
    compared, facts = load_method(name, weights, device, short.value)
    costs = list(precision_cost(exact, compared, clip, alphas or ALPHAS, frames))
    if as_json:
        typer.echo(json.dumps({**facts, "clip": str(clip), "costs": costs}))
        return
    heads = [f"{Path(facts['weights']).name}, {clip.name}, {short.value}", "worst, dB", "mean, dB"]
    rows = [
        [f"alpha {cost['alpha']:g}", f"{cost['worst']:.1f}", f"{cost['mean']:.1f}"]
        for cost in costs
    ]
    typer.echo(markdown_table(heads, rows))


if __name__ == "__main__":
    run(main)
