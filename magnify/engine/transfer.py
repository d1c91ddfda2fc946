"""Pictures between the CPU and the network's device, neither waiting for the other.

On a GPU each direction has a stream of its own: a chunk comes and the one before goes while the
network computes.
"""

from functools import cache
from typing import Literal

import torch
from torch import Tensor


def upload(pictures: Tensor, device: torch.device) -> Tensor:
    """The pictures on the device; work that is queued there after this call finds them complete."""
    if device.type != "cuda" or pictures.is_cuda:
        return pictures.to(device)
    computing, copying = torch.cuda.current_stream(device), _stream(device, "up")
    with torch.cuda.stream(copying):
        there = pictures.pin_memory().to(device, non_blocking=True)
    computing.wait_stream(copying)
    there.record_stream(computing)
    return there


class Download:
    """Pictures on their way to the CPU, while the device goes on with what is queued after them."""

    def __init__(self, pictures: Tensor) -> None:
        self._arrived: torch.cuda.Event | None = None
        if not pictures.is_cuda:
            self._pictures = pictures.cpu()
            return
        copying = _stream(pictures.device, "down")
        copying.wait_stream(torch.cuda.current_stream(pictures.device))
        with torch.cuda.stream(copying):
            self._pictures = torch.empty_like(pictures, device="cpu", pin_memory=True)
            self._pictures.copy_(pictures, non_blocking=True)
            self._arrived = copying.record_event()
        pictures.record_stream(copying)

    def wait(self) -> Tensor:
        """The pictures, on the CPU, as soon as they are there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._pictures


@cache
def _stream(device: torch.device, direction: Literal["up", "down"]) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
