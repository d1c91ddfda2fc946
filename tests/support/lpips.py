"""A state dict of LPIPS from a formula."""

import numpy as np
import torch

CONVOLUTIONS = {
    "net.slice1.0": (64, 3, 11, 11),
    "net.slice2.3": (192, 64, 5, 5),
    "net.slice3.6": (384, 192, 3, 3),
    "net.slice4.8": (256, 384, 3, 3),
    "net.slice5.10": (256, 256, 3, 3),
}


def wave(shape: tuple[int, ...], step: float) -> torch.Tensor:
    """Numbers between -1 and 1 that any program can make again."""
    index = torch.arange(int(np.prod(shape)))
    return (index * index % 9973 * step).sin().reshape(shape).float()


def lpips_state() -> dict[str, torch.Tensor]:
    tensors = {}
    for number, (name, shape) in enumerate(CONVOLUTIONS.items()):
        tensors[f"{name}.weight"] = 2 * wave(shape, 1.1 + number) / np.prod(shape[1:]) ** 0.5
        tensors[f"{name}.bias"] = wave(shape[:1], 0.7) / 10
        tensors[f"lin{number}.model.1.weight"] = wave((1, shape[0], 1, 1), 0.3).abs()
    return tensors
