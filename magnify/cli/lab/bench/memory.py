"""`magnify bench memory`: does it grow with the clip?"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from magnify.cli.console import notice_line
from magnify.cli.lab.bench.options import Networks
from magnify.cli.lab.bench.tables import print_table
from magnify.cli.lab.options import Model
from magnify.cli.options import Json
from magnify.errors import SettingsError


def memory(
    models: Networks = None,
    frames: Annotated[
        tuple[int, int], typer.Option(help="Lengths of the two clips, in frames.")
    ] = (300, 3000),
    side: Annotated[int, typer.Option(help="Height and width of the frames.", min=16)] = 64,
    as_json: Json = False,
) -> None:
    """Compare the peak memory of a short and a long clip, in every mode and with every filter."""
    from magnify.lab.benchmarks.commands import FILTERS, run_command, write_clip, write_weights

    if side % 2 or min(frames) < 2:
        raise SettingsError("--side must be even, and both --frames 2 or more")
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        clips = [write_clip(Path(folder, f"{count}.mp4"), count, side, side) for count in frames]
        for model in models or [Model.lbvmm]:
            weights = write_weights(Path(folder), model.value)
            for name, arguments in FILTERS.items():
                notice_line(f"running {model.value}, {name}")
                arguments = [*arguments, "--weights", str(weights), "--device", "cpu"]
                arguments += ["--precision", "fp32"]
                short, long = (
                    run_command(arguments, clip, Path(folder, "out.mp4")).peak_bytes
                    for clip in clips
                )
                rows.append({"model": model.value, "filter": name, "peak_bytes": [short, long]})
    if as_json:
        typer.echo(json.dumps({"frames": frames, "side": side, "peaks": rows}))
        return
    heads = ["model", "filter", *(f"{count} frames" for count in frames), "growth"]
    print_table(heads, [_memory_row(row) for row in rows])


def _memory_row(row: dict[str, Any]) -> list[str]:
    short, long = row["peak_bytes"]
    return [
        row["model"],
        row["filter"],
        f"{short / 2**20:.0f} MiB",
        f"{long / 2**20:.0f} MiB",
        f"{long / short - 1:+.1%}",
    ]
