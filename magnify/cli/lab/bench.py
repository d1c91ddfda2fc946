"""`magnify bench`: how fast the networks and whole commands are on this machine."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from magnify.cli.console import json_line, notice_line, output_line
from magnify.cli.lab.options import Model
from magnify.cli.lab.tables import markdown_table
from magnify.cli.options import Json

SIZES = {
    "360p": (360, 640),
    "384x384": (384, 384),
    "720x720": (720, 720),
    "720p": (720, 1280),
    "1080p": (1080, 1920),
    "2160p": (2160, 3840),
}
"""Heights and widths of frames."""
DEFAULT_SIZES = ["360p", "720x720", "720p", "1080p"]
QUICK_SIZES = ["360p"]


def parse_size(text: str) -> str:
    if text not in SIZES:
        raise typer.BadParameter(f"'{text}' is no size; use one of {', '.join(SIZES)}")
    return text


Networks = Annotated[list[Model] | None, typer.Option("--model", help="Network; may be repeated.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the networks first.")]


class ModeName(StrEnum):
    static = "static"
    dynamic = "dynamic"
    bandpass = "bandpass"


COMMANDS = {
    "static": ["run", "--mode", "static"],
    "dynamic": ["run", "--mode", "dynamic"],
    "bandpass": ["bandpass", "--low", "1", "--high", "5"],
}
"""Each mode as a command without its input."""


def bench(
    models: Networks = None,
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size", help="Frame size; may be repeated.", parser=parse_size, metavar="SIZE"
        ),
    ] = None,
    modes: Annotated[
        list[ModeName] | None, typer.Option("--mode", help="Mode; may be repeated.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Rounds that the median is taken of; default 5.", min=1)
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            help="Frames of the clip for whole commands; default 12 on a CPU, 300 on a GPU.", min=2
        ),
    ] = None,
    device: Device = "auto",
    compiled: Compile = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="By default only 360p, the static mode, 3 rounds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure milliseconds a frame, frames a second of whole commands, and peak memory.

    Each network takes turns with a large matrix product, which is the most the machine can do.
    Weights are random: their speed is that of trained ones.
    """
    from magnify.engine.runtime import select_runtime, tune_process
    from magnify.lab.speed.machine import machine, measure_ceilings
    from magnify.lab.speed.networks import measure_network

    tune_process()
    chosen = select_runtime(device).device
    repeats = repeats or (3 if quick else 5)
    names = [model.value for model in models or Model]
    wanted = sizes or (QUICK_SIZES if quick else DEFAULT_SIZES)
    ceilings = measure_ceilings(repeats, chosen)
    found: dict[str, Any] = {
        "machine": machine(chosen),
        "ceilings": asdict(ceilings),
        "networks": [],
        "commands": [],
    }
    for size in wanted:
        for name in names:
            notice_line(f"measuring {name} at {size}")
            times, _ = measure_network(
                name, *SIZES[size], ceilings, repeats, chosen, compiled=compiled
            )
            found["networks"] += [{"size": size, **asdict(time)} for time in times]
    usual_modes = [ModeName.static] if quick else list(ModeName)
    chosen_modes = [mode.value for mode in modes or usual_modes]
    frames = frames or (12 if chosen.type == "cpu" else 300)
    options = ["--device", device, "--compile", "on" if compiled else "off"]
    found["coding"], found["commands"] = _commands(names, wanted, chosen_modes, frames, options)
    if as_json:
        json_line(found)
    else:
        _print_measured(found)


def _commands(
    names: Sequence[str],
    sizes: Sequence[str],
    modes: Sequence[str],
    frames: int,
    options: Sequence[str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Measures decoding and encoding by themselves, and whole commands, on generated clips."""
    from magnify.lab.speed.commands import coding_speed, run_command, write_clip, write_weights

    coding: list[dict[str, Any]] = []
    commands: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        output = Path(folder, "out.mp4")
        for size in sizes:
            clip = write_clip(Path(folder, f"{size}.mp4"), frames, *SIZES[size])
            decoded, encoded = coding_speed(clip, output)
            coding.append({"size": size, "decoded": decoded, "encoded": encoded})
            for name, mode in product(names, modes):
                notice_line(f"running {name} at {size}, {mode}")
                weights = write_weights(Path(folder), name)
                arguments = [*COMMANDS[mode], *options, "--weights", str(weights)]
                cost = run_command(arguments, clip, output)
                speed = {"frames_per_second": cost.frames_per_second, "peak_bytes": cost.peak_bytes}
                commands.append({"size": size, "model": name, "mode": mode, **speed})
    return coding, commands


def _print_measured(found: dict[str, Any]) -> None:
    output_line(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    ceilings = found["ceilings"]
    products = ", ".join(
        f"{precision} {speed / 1e9:.0f}e9/s"
        for precision, speed in ceilings["matrix_product"].items()
    )
    output_line(f"matrix product: {products}; copy: {ceilings['copy'] / 1e9:.1f} GB/s")
    output_line()
    heads = ["size", "model", "precision", "chunk", "ms/frame", "of the ceiling"]
    rows = [
        [
            *(str(time[name]) for name in ("size", "model", "precision", "chunk")),
            f"{time['milliseconds']:.1f}",
            f"{time['share_of_ceiling']:.0%}",
        ]
        for time in found["networks"]
    ]
    _print_table(heads, rows)
    heads = ["size", "decoded alone, frames/s", "encoded alone, frames/s"]
    rows = [
        [coding["size"], f"{coding['decoded']:.1f}", f"{coding['encoded']:.1f}"]
        for coding in found["coding"]
    ]
    _print_table(heads, rows)
    heads = ["size", "model", "mode", "frames/s", "peak memory"]
    rows = [
        [
            *(cost[name] for name in ("size", "model", "mode")),
            f"{cost['frames_per_second']:.2f}",
            f"{cost['peak_bytes'] / 2**20:.0f} MiB",
        ]
        for cost in found["commands"]
    ]
    _print_table(heads, rows)


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in markdown_table(heads, rows).splitlines():
        output_line(line)
    output_line()
