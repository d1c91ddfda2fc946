"""Options that several benchmarks have."""

from collections.abc import Sequence
from typing import Annotated

import typer

from magnify.cli.lab.options import Model

SIZES = {
    "360p": (360, 640),
    "384x384": (384, 384),
    "720x720": (720, 720),
    "720p": (720, 1280),
    "1080p": (1080, 1920),
    "2160p": (2160, 3840),
}

Networks = Annotated[list[Model] | None, typer.Option("--model", help="Network; may be repeated.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the networks first.")]


def network_names(models: Sequence[Model] | None) -> list[str]:
    """Of the networks that were asked for, or of all."""
    return [model.value for model in models or Model]


def parse_size(text: str) -> str:
    if text not in SIZES:
        raise typer.BadParameter(f"'{text}' is no size; use one of {', '.join(SIZES)}")
    return text


Size = Annotated[str, typer.Option(help="Frame size.", parser=parse_size, metavar="SIZE")]
