"""The options that every magnifying command has, declared once.

`with_common` adds them to a command: its function takes one `common: Common` besides its own
parameters, and Typer sees all of them.
"""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from magnify.errors import SettingsError

INPUTS = "Input and output"
MODEL = "Network"
ENCODING = "Encoding"
REPORTING = "Reporting"
MAX_SEED = 2**63 - 1


class Model(StrEnum):
    fd4mm = "fd4mm"
    lbvmm = "lbvmm"


class PrecisionName(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class CompileName(StrEnum):
    auto = "auto"
    on = "on"
    off = "off"


class HwAccel(StrEnum):
    auto = "auto"
    off = "off"


def parse_seconds(text: str) -> float:
    """Seconds, minutes:seconds or hours:minutes:seconds."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(part < 0 for part in parts):
        raise typer.BadParameter(f"'{text}' is no time; use seconds, mm:ss or hh:mm:ss")
    return sum(part * 60.0**place for place, part in enumerate(reversed(parts)))


def finite(number: float | None) -> float | None:
    """A callback for ranges without an upper end: they let inf pass."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is no finite number")
    return number


def option(panel: str, text: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **settings)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@dataclass(frozen=True, kw_only=True)
class Common:
    """What `run` and `bandpass` have in common."""

    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="Videos, folders of pictures, or patterns such as frame_%04d.png.",
            show_default=False,
            metavar="INPUT",
        ),
    ]
    alpha: Annotated[
        float,
        option(
            "Magnification",
            "Magnification factor: 1 leaves the motion as it is, below 1 attenuates it.",
            "--alpha",
            "-a",
        ),
    ] = 20.0
    output: Annotated[
        Path | None,
        option(
            INPUTS,
            "Output for a single input: .mp4, .mkv, .mov, .webm, .gif, or a folder of pictures.",
            "--output",
            "-o",
        ),
    ] = None
    output_dir: Annotated[
        Path | None, option(INPUTS, "Folder for the outputs; default: beside each input.")
    ] = None
    overwrite: Annotated[
        bool, option(INPUTS, "Replace outputs that exist.", "--overwrite", "-y")
    ] = False
    skip_existing: Annotated[
        bool, option(INPUTS, "Leave out inputs whose output exists.", "--skip-existing")
    ] = False
    fps: Annotated[
        float | None, option(INPUTS, "Frame rate of pictures, which have none of their own.")
    ] = None
    start: Annotated[
        float | None,
        option(
            INPUTS, "Begin here: seconds, mm:ss or hh:mm:ss.", parser=parse_seconds, metavar="TIME"
        ),
    ] = None
    end: Annotated[
        float | None,
        option(
            INPUTS, "Stop here: seconds, mm:ss or hh:mm:ss.", parser=parse_seconds, metavar="TIME"
        ),
    ] = None
    max_frames: Annotated[int | None, option(INPUTS, "Stop after this many frames.", min=1)] = None
    model: Annotated[
        Model | None, option(MODEL, "Built-in network; `magnify models` lists them.")
    ] = None
    weights: Annotated[
        Path | None, option(MODEL, "Checkpoint file; its network is recognised.")
    ] = None
    device: Annotated[str, option(MODEL, "auto, cpu, cuda, cuda:N or mps.")] = "auto"
    precision: Annotated[PrecisionName, option(MODEL, "Number format of the network.")] = (
        PrecisionName.auto
    )
    compile: Annotated[
        CompileName,
        option(MODEL, "Compile the network first, which takes minutes; auto: where it repays."),
    ] = CompileName.auto
    hwaccel: Annotated[
        HwAccel,
        option(INPUTS, "auto: decode on an NVIDIA card where it can; off: on the CPU."),
    ] = HwAccel.off
    codec: Annotated[
        str | None, option(ENCODING, "Video encoder; default libx264 (webm: libvpx-vp9).")
    ] = None
    crf: Annotated[
        float | None, option(ENCODING, "Quality: lower is better and larger; default 16.", min=0)
    ] = None
    preset: Annotated[str | None, option(ENCODING, "Speed preset of the encoder.")] = None
    pix_fmt: Annotated[
        str | None, option(ENCODING, "Pixel format; default: yuv420p, or 10 bits like the input.")
    ] = None
    lossless: Annotated[
        bool,
        option(ENCODING, "Write FFV1 in RGB, bit for bit what the network gave.", "--lossless"),
    ] = False
    no_audio: Annotated[bool, option(ENCODING, "Leave out the sound.", "--no-audio")] = False
    quiet: Annotated[bool, option(REPORTING, "Print nothing but errors.", "--quiet", "-q")] = False
    json: Annotated[
        bool, option(REPORTING, "Print one JSON object per output on stdout.", "--json")
    ] = False
    dry_run: Annotated[
        bool,
        option(REPORTING, "Check everything, say what would be done, do nothing.", "--dry-run"),
    ] = False

    def __post_init__(self) -> None:
        if self.output is not None and len(self.inputs) > 1:
            raise SettingsError("--output takes a single input; use --output-dir for several")
        if self.output is not None and self.output_dir is not None:
            raise SettingsError("--output and --output-dir exclude each other; give one of them")
        if self.overwrite and self.skip_existing:
            raise SettingsError("--overwrite and --skip-existing exclude each other; give one")


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command all options of `Common`; it receives them as its first argument."""
    own = list(inspect.signature(command).parameters.values())[1:]
    hints = get_type_hints(Common, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.name == "inputs" else field.default,
            annotation=hints[field.name],
        )
        for field in fields(Common)
    ]
    names = {parameter.name for parameter in shared}

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        common = Common(**{name: values.pop(name) for name in names})
        command(common, **values)

    # Inputs first, then the mode's own options, then the rest: the order of the help page.
    ordered = [shared[0], *(p.replace(kind=p.KEYWORD_ONLY) for p in own), *shared[1:]]
    wrapped.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in ordered}
    return wrapped
