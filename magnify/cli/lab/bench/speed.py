"""`magnify bench`: how fast the networks are here, beside their published form and the hardware."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from magnify.cli.console import notice_line
from magnify.cli.lab.bench.options import (
    SIZES,
    Compile,
    Device,
    Networks,
    network_names,
    parse_size,
)
from magnify.cli.lab.bench.tables import print_table
from magnify.cli.options import Json

DEFAULT_SIZES = ["360p", "720x720", "720p", "1080p"]
QUICK_SIZES = ["360p"]


class ModeName(StrEnum):
    static = "static"
    dynamic = "dynamic"
    bandpass = "bandpass"


MODE_COMMANDS = {"static": "static", "dynamic": "dynamic", "bandpass": "butterworth"}


def bench(
    context: typer.Context,
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

    Each network runs beside its published form (both frames encoded for every output, float32,
    one step at a time) in turn, and beside a large matrix product.
    """
    if context.invoked_subcommand is not None:
        return
    from magnify.engine.runtime import select_runtime
    from magnify.lab.benchmarks.timing import machine, measure_ceilings, measure_network

    chosen = select_runtime(device).device
    repeats = repeats or (3 if quick else 5)
    names = network_names(models)
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
            times = measure_network(
                name, *SIZES[size], ceilings, repeats, chosen, compiled=compiled
            )
            found["networks"] += [{"size": size, **asdict(time)} for time in times]
    usual_modes = [ModeName.static] if quick else list(ModeName)
    chosen_modes = [mode.value for mode in modes or usual_modes]
    frames = frames or (12 if chosen.type == "cpu" else 300)
    options = ["--device", device, "--compile", "on" if compiled else "off"]
    found["coding"], found["commands"] = _commands(names, wanted, chosen_modes, frames, options)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print_measured(found)


def _commands(
    names: Sequence[str],
    sizes: Sequence[str],
    modes: Sequence[str],
    frames: int,
    options: Sequence[str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Decoding and encoding by themselves, and whole commands, on generated clips."""
    from magnify.lab.benchmarks.commands import (
        FILTERS,
        coding_speed,
        run_command,
        write_clip,
        write_weights,
    )

    coding: list[dict[str, Any]] = []
    commands: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        output = Path(folder, "out.mp4")
        for size in sizes:
            clip = write_clip(Path(folder, f"{size}.mp4"), frames, *SIZES[size])
            decoded, encoded = coding_speed(clip, output)
            coding.append({"size": size, "decoded": decoded, "encoded": encoded})
            for name in names:
                weights = write_weights(Path(folder), name)
                for mode in modes:
                    notice_line(f"running {name} at {size}, {mode}")
                    arguments = [*FILTERS[MODE_COMMANDS[mode]], *options]
                    arguments += ["--weights", str(weights)]
                    cost = run_command(arguments, clip, output)
                    commands.append(
                        {
                            "size": size,
                            "model": name,
                            "mode": mode,
                            "frames_per_second": cost.frames_per_second,
                            "peak_bytes": cost.peak_bytes,
                        }
                    )
    return coding, commands


def _print_measured(found: dict[str, Any]) -> None:
    typer.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    ceilings = found["ceilings"]
    products = ", ".join(
        f"{precision} {speed / 1e9:.0f}e9/s"
        for precision, speed in ceilings["matrix_product"].items()
    )
    typer.echo(f"matrix product: {products}; copy: {ceilings['copy'] / 1e9:.1f} GB/s\n")
    heads = ["size", "model", "precision", "chunk", "ms/frame"]
    print_table(
        [*heads, "published", "faster", "of the ceiling"],
        [
            [
                time["size"],
                time["model"],
                time["precision"],
                str(time["chunk"]),
                f"{time['milliseconds']:.1f}",
                f"{time['published_milliseconds']:.1f}",
                f"{time['times_faster']:.1f}x",
                f"{time['share_of_ceiling']:.0%}",
            ]
            for time in found["networks"]
        ],
    )
    typer.echo()
    print_table(
        ["size", "decoded alone, frames/s", "encoded alone, frames/s"],
        [
            [coding["size"], f"{coding['decoded']:.1f}", f"{coding['encoded']:.1f}"]
            for coding in found["coding"]
        ],
    )
    typer.echo()
    print_table(
        ["size", "model", "mode", "frames/s", "peak memory"],
        [
            [
                cost["size"],
                cost["model"],
                cost["mode"],
                f"{cost['frames_per_second']:.2f}",
                f"{cost['peak_bytes'] / 2**20:.0f} MiB",
            ]
            for cost in found["commands"]
        ],
    )
