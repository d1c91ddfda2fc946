"""`magnify weights`: look into checkpoint files, convert and average them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from magnify.cli.console import json_line, output_line
from magnify.cli.options import Json
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from magnify.checkpoints import Checkpoint

app = typer.Typer(
    help="Look into checkpoint files, convert and average them.", no_args_is_help=True
)

File = Annotated[
    str, typer.Argument(help="A checkpoint file, or the name of built-in weights.", metavar="FILE")
]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", "-y", help="Replace the output if it exists.")
]


class NumberFormat(StrEnum):
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


@app.command()
def inspect(
    file: File,
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    as_json: Json = False,
) -> None:
    """Print a checkpoint's layout, number of tensors and parameters, and sha256."""
    from magnify.checkpoints import load_checkpoint

    checkpoint = load_checkpoint(file)
    shapes = {name: list(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    facts = {
        "file": str(checkpoint.path),
        "layout": checkpoint.layout.name,
        "source": checkpoint.layout.source,
        "paper": checkpoint.layout.paper,
        "licence": checkpoint.layout.licence,
        "tensors": len(checkpoint.tensors),
        "parameters": checkpoint.parameters,
        "sha256": checkpoint.sha256,
        "metadata": checkpoint.metadata,
    }
    if as_json:
        json_line({**facts, "shapes": shapes} if tensors else facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            for key, text in value.items():
                output_line(f"{name}.{key}: {text}")
        else:
            output_line(f"{name}: {value}")
    if tensors:
        for name, shape in shapes.items():
            output_line(f"  {name} {'x'.join(map(str, shape))}")


@app.command()
def convert(
    file: File,
    output: Annotated[Path, typer.Argument(help="The file to write.", metavar="OUT.safetensors")],
    number_format: Annotated[
        NumberFormat, typer.Option("--dtype", help="What to store the numbers in.")
    ] = NumberFormat.float32,
    overwrite: Overwrite = False,
) -> None:
    """Write a checkpoint in this project's own format, with its provenance in the metadata."""
    import torch

    from magnify.checkpoints import convert_checkpoint, load_checkpoint

    _check_name(output)
    checkpoint = load_checkpoint(file)
    _check_no_input(output, checkpoint)
    dtype = getattr(torch, number_format.value)
    convert_checkpoint(checkpoint, output, dtype=dtype, overwrite=overwrite)
    described = f"{checkpoint.layout.name}, {checkpoint.parameters:,} parameters"
    output_line(f"{output}: {described}")


@app.command()
def average(
    files: Annotated[
        list[str],
        typer.Argument(help="Two or more weights of one layout, files or names.", metavar="FILE"),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", metavar="OUT.safetensors")
    ],
    overwrite: Overwrite = False,
) -> None:
    """Write the mean of weights: of runs that part from the same ones, it can beat each."""
    from magnify.checkpoints import average_checkpoints, load_checkpoint

    _check_name(output)
    if len(files) < 2:
        raise SettingsError("a mean takes two weights or more; to copy one, use convert")
    checkpoints = [load_checkpoint(file) for file in files]
    for checkpoint in checkpoints:
        _check_no_input(output, checkpoint)
    average_checkpoints(checkpoints, output, overwrite=overwrite)
    output_line(f"{output}: mean of {len(files)}, {checkpoints[0].layout.name}")


def _check_name(output: Path) -> None:
    if output.suffix != ".safetensors":
        raise SettingsError(f"{output}: weights are written as .safetensors; name it so")


def _check_no_input(output: Path, checkpoint: "Checkpoint") -> None:
    if output.exists() and checkpoint.path.exists() and output.samefile(checkpoint.path):
        raise SettingsError(f"{output}: is the input itself; choose another name")
