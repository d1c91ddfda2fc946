"""Finds out what this process is: its device, and its rank among others (torchrun)."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from magnify.engine.runtime import tune_process
from magnify.errors import SettingsError

FAILURE = "MAGNIFY_FAILURE"
"""The variable with the name of a file that the first process to fail makes."""


@dataclass(frozen=True)
class Process:
    """One process of a training run.

    Attributes:
        device: its own.
        rank: its number among `world` processes; 0 reports and writes.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def distribute(self, objective: nn.Module) -> nn.Module:
        """Has the objective's gradients averaged over all processes."""
        if self.world == 1:
            return objective
        ids = [self.device.index] if self.on_gpu else None
        return DistributedDataParallel(objective, device_ids=ids)


def find_device(name: str, count: int = 1) -> Literal["cpu", "cuda"]:
    """Finds the device that `name`, which may be auto, stands for.

    Raises:
        SettingsError: there is no such device, or fewer than `count`.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise SettingsError(f"unknown device '{name}'; train on cpu, cuda or auto")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise SettingsError("device 'cuda' does not exist here; use --device cpu")
    if name == "cpu" or not there:
        return "cpu"
    if count > torch.cuda.device_count():
        raise SettingsError(
            f"--devices asks for more GPUs than the {torch.cuda.device_count()} here"
        )
    return "cuda"


def prepare_process() -> None:
    """Sets what holds for the whole process; the command line calls this once, before it trains."""
    # A 1x1 kernel's strides are ambiguous; that its gradient comes with others costs nothing.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    tune_process()


def _first_to_fail() -> bool:
    if FAILURE not in os.environ:
        return True
    try:
        Path(os.environ[FAILURE]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@contextmanager
def this_process(device: str = "auto") -> Iterator[Process]:
    """Joins torchrun's process group, if there is one, for as long as the context lasts.

    Where `FAILURE` names a file, the first process to fail makes it and raises its error. The
    others end without a word, as theirs is the same error or follows from it.

    Raises:
        SettingsError: there is no such device.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = find_device(device, local + 1)
    if "WORLD_SIZE" not in os.environ:
        yield Process(torch.device("cuda:0" if device == "cuda" else "cpu"))
        return
    if device == "cuda":
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        own = torch.device(device, local) if device == "cuda" else torch.device("cpu")
        yield Process(own, dist.get_rank(), dist.get_world_size())
    except Exception:
        if not _first_to_fail():
            sys.exit(0)
        raise
    finally:
        dist.destroy_process_group()
