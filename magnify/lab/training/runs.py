"""Turns what the user asks for into a finished training run."""

import hashlib
import json
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch

from magnify.checkpoints import load_checkpoint
from magnify.engine.runtime import exact_float32
from magnify.errors import CheckpointError, SettingsError
from magnify.lab.synthesis import (
    BatchSettings,
    Pairs,
    PairSettings,
    PairSource,
    Photographs,
    StoredPairs,
    SyntheticPairs,
)
from magnify.lab.synthesis.photographs import check_folder
from magnify.lab.training.linear_start import start_as_linear_magnifier
from magnify.lab.training.losses import FD4MMObjective, LBVMMObjective, Objective, QuickObjective
from magnify.lab.training.perceptual import VggFeatures
from magnify.lab.training.plan import Plan, RunSettings
from magnify.lab.training.process import Process, find_device, this_process
from magnify.lab.training.run_folder import RunFolder
from magnify.lab.training.trainer import NO_CONTRAST, Trainer
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick

VALIDATION_PAIRS = 16
"""Or a few more: whole batches."""
RATES = {"lbvmm": 5e-4, "fd4mm": 1e-3, "quick": 1e-3}
"""The highest learning rate that each network learns well with, batches of 4."""


@dataclass(frozen=True)
class Request:
    """One training run.

    Attributes:
        model: the network.
        out: the run's folder.
        plan, settings: how long, what, and how.
        images, objects: folders of photographs and cut-outs to draw scenes from; or
        pairs: a folder of pairs in the authors' layout.
        resume: go on with the run in `out`.
        init: weights to start from, as `load_checkpoint` takes them; else LBVMM starts at random,
            Quick with its motion solved for, and FD4MM as a linear magnifier.
        vgg: torchvision's VGG-19 weights, for FD4MM's contrastive term.
        seed: of the first weights and of the data.
        device: cpu, cuda or auto.
    """

    model: Literal["lbvmm", "fd4mm", "quick"]
    out: Path
    plan: Plan
    settings: RunSettings
    images: Path | None = None
    objects: Path | None = None
    pairs: Path | None = None
    resume: bool = False
    init: str | Path | None = None
    vgg: Path | None = None
    seed: int = 0
    device: str = "auto"


def train(request: Request, report: Callable[[str], None]) -> Path:
    """Trains to the end of the plan; gives the file of the averaged weights.

    Raises:
        SettingsError: settings that cannot work or contradict each other, or folders without data.
            Or `vgg` is not what the run to resume has.
        CheckpointError: `init`, `vgg` or the state to resume from cannot be read.
    """
    check(request)
    with this_process(request.device) as process, ExitStack() as exact:
        if request.model == "fd4mm":
            # TF32 costs LBVMM's pictures little, and saves a third of a step's time.
            exact.enter_context(exact_float32(process.device))
        say = report if process.leads else lambda line: None
        folder = RunFolder(request.out, request.model, resume=request.resume)
        torch.manual_seed(request.seed)
        objective, recipe = _objective(request, say)
        source, held, settings = _data(request, process)
        say(f"training {request.model} on {process.device} with {source}")
        same = str(held) == str(source)
        say(f"validation with {'the same, too few to hold some out' if same else held}")
        validation = _validation(held, request.plan.batch_settings(1.0))
        trainer = Trainer(
            objective,
            source,
            validation,
            request.plan,
            folder,
            process=process,
            settings=request.settings,
            recipe={**recipe, "settings": settings},
            drawn_from={"data": str(source), "seed": request.seed},
            report=say,
        )
        if request.resume:
            trainer.resume()
        trainer.run()
    return folder.weights


def check(request: Request, devices: int = 1) -> None:
    """Checks what can be told before anything is loaded; the run is to have so many devices.

    Raises:
        SettingsError: settings that contradict each other, folders or a device that are missing,
            a run that is or is not there.
    """
    if request.resume and request.init is not None:
        raise SettingsError(
            "a resumed run goes on from its own weights; leave --init out, or start a new run with "
            "it, without --resume"
        )
    if request.model != "fd4mm" and request.vgg is not None:
        raise SettingsError(f"{request.model}'s loss has no VGG term; --vgg is for fd4mm")
    if request.pairs is not None:
        if request.images is not None or request.objects is not None:
            raise SettingsError("give either --pairs, or --images and --objects")
    elif request.images is None or request.objects is None:
        raise SettingsError("give --images and --objects, or --pairs")
    for folder in (request.pairs, request.images, request.objects):
        if folder is not None:
            check_folder(folder)
    # bfloat16 on a CPU gives the weight gradient of dilated depthwise convolutions as
    # uninitialised memory; FD4MM has such convolutions.
    on_cpu = find_device(request.device, devices) == "cpu"
    if on_cpu and request.model == "fd4mm" and request.settings.precision == "bf16":
        raise SettingsError("fd4mm cannot be trained in bf16 on a CPU; use --precision fp32")
    RunFolder.check(request.out, request.model, resume=request.resume)


def _objective(request: Request, say: Callable[[str], None]) -> tuple[Objective, dict[str, str]]:
    """Makes the network with its first weights, its loss, and what to remember of both."""
    recipe = {"start": "random"}
    if request.model == "lbvmm":
        network = LBVMM()
        recipe |= _start(network, request.init)
        return LBVMMObjective(network), recipe
    if request.model == "quick":
        quick = Quick()
        recipe |= _start(quick, request.init)
        return QuickObjective(quick), recipe
    fd4mm = FD4MM()
    if request.init is None:
        start_as_linear_magnifier(fd4mm)
        recipe["start"] = "linear magnifier"
    recipe |= _start(fd4mm, request.init)
    if request.vgg is None:
        say("no --vgg file: the contrastive term of FD4MM's loss is off")
        return FD4MMObjective(fd4mm), {**recipe, "contrast": NO_CONTRAST}
    features = VggFeatures.load(request.vgg)
    return FD4MMObjective(fd4mm, features), {**recipe, "contrast": _fingerprint(request.vgg)}


def _start(model: LBVMM | FD4MM | Quick, init: str | Path | None) -> dict[str, str]:
    if init is None:
        return {}
    checkpoint = load_checkpoint(init)
    published = checkpoint.build()
    same = isinstance(published, LBVMM) and isinstance(model, LBVMM)
    if type(published) is not type(model) or (same and published.variant != model.variant):
        raise CheckpointError(
            f"{init}: holds {checkpoint.layout.name}, which cannot start the {model.name} that is "
            "trained here; give weights that `magnify train` has written"
        )
    model.load_state_dict(checkpoint.tensors)
    return {"start": f"sha256 {checkpoint.sha256}"}


def _data(request: Request, process: Process) -> tuple[PairSource, PairSource, str]:
    """Makes the sources of training and validation pairs; says in JSON how both are made."""
    if request.pairs is not None:
        stored = StoredPairs(request.pairs, seed=request.seed)
        return *stored.split(), json.dumps(asdict(stored.degradation))
    assert request.images is not None
    assert request.objects is not None
    photographs = Photographs.load(request.images, request.objects).to(process.device)
    learnt, held = photographs.split()
    settings = PairSettings(with_motion=request.model == "quick")
    return (
        SyntheticPairs(learnt, settings, request.seed),
        SyntheticPairs(held, settings, request.seed + 1),
        json.dumps(asdict(settings)),
    )


def _validation(held: PairSource, batch_settings: BatchSettings) -> list[Pairs]:
    """On the CPU."""
    batches = range(math.ceil(VALIDATION_PAIRS / batch_settings.batch))
    return [held.pairs(index, batch_settings).to(torch.device("cpu")) for index in batches]


def _fingerprint(path: Path) -> str:
    return f"VGG-19, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
