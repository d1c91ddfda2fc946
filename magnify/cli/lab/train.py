"""`magnify train`: train one of the networks."""

import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from magnify.cli.console import notice_line, output_line
from magnify.cli.lab.options import Model, option
from magnify.cli.options import MAX_SEED, finite
from magnify.errors import SettingsError

if TYPE_CHECKING:
    from magnify.lab.training import RunSettings

DATA = "Data"
LENGTH = "Length"
LEARNING = "Learning"
MACHINE = "Machine"


class TrainingPrecision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def train(
    network: Annotated[Model, typer.Argument(help="The network to train.")],
    out: Annotated[Path, typer.Option(help="The run's folder: state, weights, metrics, pictures.")],
    images: Annotated[Path | None, option(DATA, "A folder of photographs.")] = None,
    objects: Annotated[
        Path | None, option(DATA, "A folder of cut-outs, with transparency.")
    ] = None,
    pairs: Annotated[
        Path | None,
        option(DATA, "Instead of both: a folder of pairs in the layout of LBVMM's data set."),
    ] = None,
    steps: Annotated[int | None, option(LENGTH, "Optimiser steps.", min=1)] = None,
    minutes: Annotated[float | None, option(LENGTH, "Or minutes.", min=0)] = None,
    resume: Annotated[bool, option(LENGTH, "Go on with the run in --out.", "--resume")] = False,
    init: Annotated[
        str | None,
        option(
            LENGTH, "Weights to start from: a file, or the name of built-in ones.", metavar="FILE"
        ),
    ] = None,
    crop: Annotated[int, option(LEARNING, "Size of the pictures in pixels.")] = 96,
    batch: Annotated[int, option(LEARNING, "Pairs a step, on each device.")] = 4,
    motion: Annotated[
        float | None,
        option(
            LEARNING,
            "Longest magnified motion in pixels; default: a fifth of the crop, at most 30.",
            min=0,
            callback=finite,
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        option(LEARNING, "Largest magnification factor; default 100.", min=1, max=100),
    ] = None,
    min_alpha: Annotated[
        float | None,
        option(LEARNING, "Smallest magnification factor; default 1.", min=1, max=100),
    ] = None,
    input_motion: Annotated[
        float | None,
        option(
            LEARNING,
            "Longest motion before it is magnified, in pixels; default 10.",
            min=0,
            max=10,
        ),
    ] = None,
    degraded: Annotated[
        float, option(LEARNING, "Share of the usual compression, noise and flicker.", min=0, max=1)
    ] = 1.0,
    curriculum: Annotated[
        bool,
        option(
            LEARNING,
            "Start clean, with half the motion and smaller alpha; then larger crops.",
            "--curriculum",
        ),
    ] = False,
    lr: Annotated[
        float | None,
        option(LEARNING, "The highest learning rate; default: 5e-4 for lbvmm, else 1e-3.", min=0),
    ] = None,
    vgg: Annotated[
        Path | None, option(LEARNING, "torchvision's VGG-19 weights, for FD4MM's contrastive term.")
    ] = None,
    seed: Annotated[int, option(LEARNING, "Of weights and data.", min=0, max=MAX_SEED)] = 0,
    device: Annotated[str, option(MACHINE, "cpu, cuda or auto.")] = "auto",
    devices: Annotated[int, option(MACHINE, "How many GPUs (or processes).", min=1)] = 1,
    compile: Annotated[
        bool,
        option(MACHINE, "Compile network and loss: takes a minute or more.", "--compile"),
    ] = False,
    precision: Annotated[
        TrainingPrecision,
        option(MACHINE, "auto: bf16 where it is faster; fp32 for fd4mm on a CPU."),
    ] = TrainingPrecision.auto,
) -> None:
    """Train a network on scenes synthesised from photographs and cut-outs.

    The averaged weights are in OUT/<network>.safetensors, rewritten every few minutes. Every 50th
    picture, or pair, is kept from training, and validates it.
    """
    from magnify.lab.training import RATES, Plan, Request, check, prepare_process
    from magnify.lab.training import train as run

    drawn = {
        "--motion": motion,
        "--alpha": alpha,
        "--min-alpha": min_alpha,
        "--input-motion": input_motion,
    }
    given = [name for name, value in drawn.items() if value is not None]
    if pairs is not None and given:
        raise SettingsError(
            f"the motion of --pairs is what the files hold; leave {', '.join(given)} out"
        )
    plan = Plan(
        steps=steps,
        minutes=minutes,
        rate=RATES[network.value] if lr is None else lr,
        batch=batch,
        crop=crop,
        motion=motion,
        alpha=(1.0 if min_alpha is None else min_alpha, 100.0 if alpha is None else alpha),
        input_motion=10.0 if input_motion is None else input_motion,
        degraded=degraded,
        curriculum=curriculum,
    )
    request = Request(
        model=network.value,
        out=out,
        plan=plan,
        settings=_run_settings(network, device, precision, compile),
        images=images,
        objects=objects,
        pairs=pairs,
        resume=resume,
        init=init,
        vgg=vgg,
        seed=seed,
        device=device,
    )
    if devices > 1 and "WORLD_SIZE" not in os.environ:
        check(request, devices)
        raise typer.Exit(_through_torchrun(devices))
    prepare_process()
    weights = run(request, notice_line)
    if os.environ.get("RANK", "0") == "0":
        output_line(str(weights))


def _run_settings(
    network: Model, device: str, precision: TrainingPrecision, compile: bool
) -> "RunSettings":
    """What suits the network and the device."""
    import torch

    from magnify.engine.runtime import faster_in_bfloat16
    from magnify.lab.training import RunSettings

    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    chosen: Literal["fp32", "bf16"]
    if precision is TrainingPrecision.auto:
        able = on_gpu or network is not Model.fd4mm
        there = torch.device("cuda" if on_gpu else "cpu")
        chosen = "bf16" if able and faster_in_bfloat16(there) else "fp32"
    else:
        chosen = "bf16" if precision is TrainingPrecision.bf16 else "fp32"
    return RunSettings(precision=chosen, compile=compile)


def _through_torchrun(devices: int) -> int:
    """Runs this very command in as many processes, one for each device; gives the exit code."""
    import torch.distributed

    if not torch.distributed.is_available():
        raise SettingsError("this PyTorch cannot train on several devices; use --devices 1")
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main

    from magnify.lab.training.process import FAILURE

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # the processes have told
    launch = ["--standalone", f"--nproc-per-node={devices}", "-m", "magnify", *sys.argv[1:]]
    with TemporaryDirectory() as folder:
        os.environ[FAILURE] = str(Path(folder) / "failure")
        try:
            main(launch)
        except ChildFailedError as error:
            _, failure = error.get_first_failure()
            return max(1, failure.exitcode)  # of one that a signal has ended, below 0
        except SignalException as error:
            return 128 + error.sigval
    return 0
