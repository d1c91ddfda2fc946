"""Pictures between the CPU and the network's device, neither waiting for the other."""

import torch
from torch import Tensor


def upload(pictures: Tensor, device: torch.device) -> Tensor:
    """The pictures on the device; work that is queued there after this call finds them complete."""
    if device.type == "cuda" and not pictures.is_cuda:
        pictures = pictures.pin_memory()
    return pictures.to(device, non_blocking=True)


class Download:
    """Pictures on their way to the CPU, while the device goes on with what is queued after them."""

    def __init__(self, pictures: Tensor) -> None:
        self._arrived: torch.cuda.Event | None = None
        if pictures.is_cuda:
            self._pictures = torch.empty_like(pictures, device="cpu", pin_memory=True)
            self._pictures.copy_(pictures, non_blocking=True)
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record(torch.cuda.current_stream(pictures.device))
        else:
            self._pictures = pictures.cpu()

    def wait(self) -> Tensor:
        """The pictures, on the CPU, as soon as they are there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._pictures
