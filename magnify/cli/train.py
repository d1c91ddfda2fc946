"""`magnify train`: train one of the networks."""

import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from magnify.cli.console import notice_line
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from magnify.training import Habits

DATA = "Data"
LENGTH = "Length"
LEARNING = "Learning"
MACHINE = "Machine"


class Network(StrEnum):
    lbvmm = "lbvmm"
    fd4mm = "fd4mm"


class TrainingPrecision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def train(
    network: Annotated[Network, typer.Argument(help="The network to train.")],
    out: Annotated[Path, typer.Option(help="The run's folder: state, weights, metrics, pictures.")],
    images: Annotated[
        Path | None, typer.Option(help="A folder of photographs.", rich_help_panel=DATA)
    ] = None,
    objects: Annotated[
        Path | None,
        typer.Option(help="A folder of cut-outs, with transparency.", rich_help_panel=DATA),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Instead of both: a folder of pairs in the layout of LBVMM's data set.",
            rich_help_panel=DATA,
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps.", rich_help_panel=LENGTH)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Or minutes.", rich_help_panel=LENGTH)
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out.", rich_help_panel=LENGTH),
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(help="Weights to start from, such as a former run's.", rich_help_panel=LENGTH),
    ] = None,
    crop: Annotated[
        int, typer.Option(help="Size of the pictures in pixels.", rich_help_panel=LEARNING)
    ] = 96,
    batch: Annotated[
        int, typer.Option(help="Pairs a step, on each device.", rich_help_panel=LEARNING)
    ] = 4,
    motion: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Longest magnified motion in pixels. [default: a fifth of the crop, at most 30]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(
            min=1, max=100, help="Largest magnification factor.", rich_help_panel=LEARNING
        ),
    ] = 100.0,
    degraded: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of the usual compression, noise and flicker.",
            rich_help_panel=LEARNING,
        ),
    ] = 1.0,
    curriculum: Annotated[
        bool,
        typer.Option(
            "--curriculum",
            help="Start clean, with half the motion and smaller alpha; then larger crops.",
            rich_help_panel=LEARNING,
        ),
    ] = False,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="The highest learning rate. [default: lbvmm 5e-4, fd4mm 1e-3]",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    vgg: Annotated[
        Path | None,
        typer.Option(
            help="torchvision's VGG-19 weights, for FD4MM's contrastive term.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights and data.", rich_help_panel=LEARNING)] = 0,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or auto.", rich_help_panel=MACHINE)
    ] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="How many GPUs (or processes).", rich_help_panel=MACHINE)
    ] = 1,
    precision: Annotated[
        TrainingPrecision,
        typer.Option(
            help="auto: bf16 where it is faster; fp32 for fd4mm on a CPU.",
            rich_help_panel=MACHINE,
        ),
    ] = TrainingPrecision.auto,
) -> None:
    """Train a network on scenes synthesised from photographs and cut-outs.

    The averaged weights are in OUT/<network>.safetensors, rewritten every few minutes.
    """
    if devices > 1 and "WORLD_SIZE" not in os.environ:
        raise typer.Exit(_through_torchrun(devices))
    from magnify.training import RATES, Plan, Request
    from magnify.training import train as run

    plan = Plan(
        steps=steps,
        minutes=minutes,
        rate=RATES[network.value] if lr is None else lr,
        batch=batch,
        crop=crop,
        motion=motion,
        alpha=alpha,
        degraded=degraded,
        curriculum=curriculum,
    )
    request = Request(
        model=network.value,
        out=out,
        plan=plan,
        habits=_habits(network, device, precision),
        images=images,
        objects=objects,
        pairs=pairs,
        resume=resume,
        init=init,
        vgg=vgg,
        seed=seed,
        device=device,
    )
    typer.echo(run(request, notice_line))


def _habits(network: Network, device: str, precision: TrainingPrecision) -> "Habits":
    """What suits the network and the device; compiled on a GPU, where it pays."""
    import torch

    from magnify.runtime import faster_in_bfloat16
    from magnify.training import Habits

    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    chosen: Literal["fp32", "bf16"]
    if precision is TrainingPrecision.auto:
        able = on_gpu or network is Network.lbvmm
        place = torch.device("cuda" if on_gpu else "cpu")
        chosen = "bf16" if able and faster_in_bfloat16(place) else "fp32"
    else:
        chosen = "bf16" if precision is TrainingPrecision.bf16 else "fp32"
    return Habits(precision=chosen, compile=on_gpu)


def _through_torchrun(devices: int) -> int:
    """Runs this very command in as many processes, one for each device; gives the exit code."""
    import torch.distributed

    if not torch.distributed.is_available():
        raise SettingsError("this PyTorch cannot train on several devices; use --devices 1")
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
    command = [sys.executable, *launcher, "-m", "magnify", *sys.argv[1:]]
    return subprocess.run(command, check=False).returncode
