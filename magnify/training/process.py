"""This process: its device, and its rank among others (torchrun)."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from magnify.errors import SettingsError
from magnify.runtime import keep_freed_memory


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
        """The objective with gradients averaged over all processes."""
        if self.world == 1:
            return objective
        # A 1x1 kernel's strides are ambiguous; that its gradient comes with others costs nothing.
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        ids = [self.device.index] if self.on_gpu else None
        return DistributedDataParallel(objective, device_ids=ids)


@contextmanager
def this_process(device: str = "auto") -> Iterator[Process]:
    """The one that this is; under torchrun, in its process group for as long as the context lasts.

    Raises:
        SettingsError: there is no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise SettingsError(f"unknown device '{device}'; train on cpu, cuda or auto")
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device 'cuda' does not exist here; use --device cpu")
    if device == "cpu":
        keep_freed_memory()
    if "WORLD_SIZE" not in os.environ:
        yield Process(torch.device("cuda:0" if device == "cuda" else "cpu"))
        return
    local = int(os.environ["LOCAL_RANK"])
    if device == "cuda":
        if local >= torch.cuda.device_count():
            raise SettingsError(
                f"--devices asks for more GPUs than the {torch.cuda.device_count()} here"
            )
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        own = torch.device(device, local) if device == "cuda" else torch.device("cpu")
        yield Process(own, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
