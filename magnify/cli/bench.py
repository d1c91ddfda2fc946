"""`magnify bench`: how fast the networks are here, beside their published form and the hardware."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from magnify.cli.console import notice_line
from magnify.cli.options import PrecisionName
from magnify.errors import SettingsError

app = typer.Typer(
    help="Measure speed, memory and complexity on this machine.",
    invoke_without_command=True,
    no_args_is_help=False,
)

SIZES = {
    "360p": (360, 640),
    "384x384": (384, 384),
    "720x720": (720, 720),
    "720p": (720, 1280),
    "1080p": (1080, 1920),
    "2160p": (2160, 3840),
}
DEFAULT_SIZES = ["360p", "720x720", "720p", "1080p"]
QUICK_SIZES = ["360p"]


class NetworkName(StrEnum):
    lbvmm = "lbvmm"
    fd4mm = "fd4mm"


class ModeName(StrEnum):
    static = "static"
    dynamic = "dynamic"
    bandpass = "bandpass"


class ShortFormat(StrEnum):
    bf16 = "bf16"
    fp16 = "fp16"


SHORT_ALPHAS = (5.0, 20.0, 50.0)
MODE_COMMANDS = {"static": "static", "dynamic": "dynamic", "bandpass": "butterworth"}

Networks = Annotated[
    list[NetworkName] | None, typer.Option("--model", help="Network; may be repeated.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the networks first.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def parse_size(text: str) -> str:
    if text not in SIZES:
        raise typer.BadParameter(f"'{text}' is no size; use one of {', '.join(SIZES)}")
    return text


@app.callback()
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
    repeats: Annotated[int, typer.Option(help="Rounds that the median is taken of.", min=1)] = 5,
    frames: Annotated[
        int | None,
        typer.Option(
            help="Frames of the clip for whole commands; default 12 on a CPU, 300 on a GPU.", min=2
        ),
    ] = None,
    device: Device = "auto",
    compiled: Compile = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only 360p and the static mode, 3 rounds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure milliseconds a frame, frames a second of whole commands, and peak memory.

    Each network runs beside its published form (both frames encoded for every output, float32,
    one step at a time) in turn, and beside a large matrix product.
    """
    if context.invoked_subcommand is not None:
        return
    from magnify.benchmarks.timing import machine, measure_ceilings, measure_network
    from magnify.runtime import select_runtime

    chosen = select_runtime(device).device
    repeats = 3 if quick else repeats
    names = [model.value for model in models or list(NetworkName)]
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
    chosen_modes = ["static"] if quick else [mode.value for mode in modes or list(ModeName)]
    frames = frames or (12 if chosen.type == "cpu" else 300)
    options = ["--device", device, "--compile", "on" if compiled else "off"]
    found["coding"], found["commands"] = _commands(names, wanted, chosen_modes, frames, options)
    if as_json:
        _print_json(found)
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
    from magnify.benchmarks.commands import (
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


@app.command()
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
        _print_json({"size": size, **counted})
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
    _print_table([size, "parameters", "published, 1e9 operations", "ours"], rows)


@app.command()
def profile(
    size: Annotated[
        str, typer.Option(help="Frame size.", parser=parse_size, metavar="SIZE")
    ] = "720x720",
    models: Networks = None,
    device: Device = "auto",
    precision: Annotated[PrecisionName, typer.Option(help="Number format.")] = PrecisionName.auto,
    compiled: Compile = False,
    rows: Annotated[int, typer.Option(help="How many operations to show.", min=1)] = 15,
    as_json: Json = False,
) -> None:
    """Find out which operations a network's time goes to."""
    from magnify.benchmarks.profile import profile_network
    from magnify.runtime import select_runtime

    runtime = select_runtime(device, precision.value)
    found = {
        name: profile_network(name, *SIZES[size], runtime, compiled=compiled)[:rows]
        for name in (model.value for model in models or list(NetworkName))
    }
    if as_json:
        _print_json({name: list(map(asdict, operations)) for name, operations in found.items()})
        return
    for name, operations in found.items():
        heads = [f"{name}, {size}", "ms/frame", "share", "calls/frame"]
        _print_table(
            heads,
            [
                [o.name, f"{o.milliseconds:.3f}", f"{o.share:.1%}", f"{o.calls:.1f}"]
                for o in operations
            ],
        )
        typer.echo()


@app.command()
def memory(
    models: Networks = None,
    frames: Annotated[
        tuple[int, int], typer.Option(help="Lengths of the two clips, in frames.")
    ] = (300, 3000),
    side: Annotated[int, typer.Option(help="Height and width of the frames.", min=16)] = 64,
    as_json: Json = False,
) -> None:
    """Compare the peak memory of a short and a long clip, in every mode and with every filter."""
    from magnify.benchmarks.commands import FILTERS, run_command, write_clip, write_weights

    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        clips = [write_clip(Path(folder, f"{count}.mp4"), count, side, side) for count in frames]
        for model in models or [NetworkName.lbvmm]:
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
        _print_json({"frames": frames, "side": side, "peaks": rows})
        return
    heads = ["model", "filter", *(f"{count} frames" for count in frames), "growth"]
    _print_table(heads, [_memory_row(row) for row in rows])


def _memory_row(row: dict[str, Any]) -> list[str]:
    short, long = row["peak_bytes"]
    return [
        row["model"],
        row["filter"],
        f"{short / 2**20:.0f} MiB",
        f"{long / 2**20:.0f} MiB",
        f"{long / short - 1:+.1%}",
    ]


@app.command()
def precision(
    clip: Annotated[Path, typer.Argument(help="A real video.", show_default=False, metavar="CLIP")],
    alphas: Annotated[
        list[float] | None,
        typer.Option("--alpha", help="Magnification factor; may be repeated. Default: 5, 20, 50."),
    ] = None,
    model: Annotated[NetworkName | None, typer.Option(help="Built-in network.")] = None,
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
    costs = list(precision_cost(chosen, clip, alphas or SHORT_ALPHAS, frames, device, short.value))
    if as_json:
        facts = {"weights": str(chosen), "clip": str(clip), "precision": short.value}
        _print_json({**facts, "costs": list(map(asdict, costs))})
        return
    _print_table(
        [f"{chosen}, {clip.name}, {short.value}", "worst, dB", "mean, dB"],
        [[f"alpha {cost.alpha:g}", f"{cost.worst:.1f}", f"{cost.mean:.1f}"] for cost in costs],
    )


def _print_measured(found: dict[str, Any]) -> None:
    typer.echo(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    ceilings = found["ceilings"]
    products = ", ".join(
        f"{precision} {speed / 1e9:.0f}e9/s"
        for precision, speed in ceilings["matrix_product"].items()
    )
    typer.echo(f"matrix product: {products}; copy: {ceilings['copy'] / 1e9:.1f} GB/s\n")
    heads = ["size", "model", "precision", "chunk", "ms/frame"]
    _print_table(
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
    _print_table(
        ["size", "decoded alone, frames/s", "encoded alone, frames/s"],
        [
            [coding["size"], f"{coding['decoded']:.1f}", f"{coding['encoded']:.1f}"]
            for coding in found["coding"]
        ],
    )
    typer.echo()
    _print_table(
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


def _print_table(heads: list[str], rows: list[list[str]]) -> None:
    """A Markdown table: read as it is, or pasted into a document."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(f"| {' | '.join(cells)} |")


def _print_json(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
