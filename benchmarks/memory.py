"""Compares the peak memory of a short and a long clip, in every mode and with every filter.

python benchmarks/memory.py --frames 300 3000
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from command_line import run

from magnify.cli.console import notice_line
from magnify.cli.lab.bench import Networks
from magnify.cli.lab.options import Model
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json
from magnify.errors import SettingsError
from magnify.lab.speed import commands

_BANDPASS = ["bandpass", "--low", "1", "--high", "5"]
_ON_DISK = ["--memory-budget", "16MB"]
COMMANDS: dict[str, list[str]] = {
    "static": ["run", "--mode", "static"],
    "dynamic": ["run", "--mode", "dynamic"],
    "butterworth": _BANDPASS,
    "diff-iir": [*_BANDPASS, "--filter", "diff-iir"],
    "fir, auto": [*_BANDPASS, "--filter", "fir"],
    "butterworth, zero phase, in 16 MB": [*_BANDPASS, "--zero-phase", *_ON_DISK],
    "fir, all taps, in 16 MB": [*_BANDPASS, "--filter", "fir", "--taps", "all", *_ON_DISK],
}
"""Every mode and filter, as a command without its input."""


def main(
    models: Networks = None,
    frames: Annotated[
        tuple[int, int], typer.Option(help="Lengths of the two clips, in frames.")
    ] = (300, 3000),
    side: Annotated[int, typer.Option(help="Height and width of the frames.", min=16)] = 64,
    as_json: Json = False,
) -> None:
    """Compare the peak memory of a short and a long clip, in every mode and with every filter."""
    if side % 2 or min(frames) < 2:
        raise SettingsError("--side must be even, and both --frames 2 or more")
    peaks: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        clips = [
            commands.write_clip(Path(folder, f"{count}.mp4"), count, side, side) for count in frames
        ]
        for model in models or [Model.lbvmm]:
            weights = commands.write_weights(Path(folder), model.value)
            for name, arguments in COMMANDS.items():
                notice_line(f"running {model.value}, {name}")
                arguments = [*arguments, "--weights", str(weights), "--device", "cpu"]
                arguments += ["--precision", "fp32"]
                costs = [
                    commands.run_command(arguments, clip, Path(folder, "out.mp4")) for clip in clips
                ]
                both = [cost.peak_bytes for cost in costs]
                peaks.append({"model": model.value, "filter": name, "peak_bytes": both})
    found = {"frames": frames, "side": side, "peaks": peaks}
    typer.echo(json.dumps(found) if as_json else table(found))


def table(found: dict[str, Any]) -> str:
    """The result as a table: MiB of both clips, and the growth from one to the other."""
    heads = ["model", "filter", *(f"{count} frames" for count in found["frames"]), "growth"]
    rows = []
    for row in found["peaks"]:
        short, long = row["peak_bytes"]
        sizes = [f"{peak / 2**20:.0f} MiB" for peak in (short, long)]
        rows.append([row["model"], row["filter"], *sizes, f"{long / short - 1:+.1%}"])
    return markdown_table(heads, rows)


if __name__ == "__main__":
    run(main)
