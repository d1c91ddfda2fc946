"""Textures that move by any part of a pixel: sums of plane waves, drawn where they have gone."""

import math

import torch
from torch import Tensor

COLOUR = (1.0, 0.8, 0.6)
"""Red, green and blue of a wave's crest."""


def wave(height: int, width: int, length: float, dx: float = 0.0, angle: float = 0.3) -> Tensor:
    """One wave that has moved `dx` pixels along its direction: frames (1, 3, H, W) around 0.5."""
    return _frames(0.2 * _cosine(height, width, length, angle, phase=0.0, dx=dx))


def texture(height: int, width: int, dx: float = 0.0, shortest: float = 8.0) -> Tensor:
    """Waves of all directions, `shortest` to 64 pixels long, all moved right by `dx` pixels.

    Longer ones are stronger, as in photographs.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.zeros(height, width, dtype=torch.float64)
    for _ in range(60):
        octave, direction, start = torch.rand(3, generator=generator).tolist()
        length = shortest * (64 / shortest) ** octave
        angle = 2 * math.pi * direction
        moved = dx * math.cos(angle)
        picture += length * _cosine(height, width, length, angle, 2 * math.pi * start, moved)
    return _frames(picture * 0.0007)


def luma(frames: Tensor) -> Tensor:
    """Frames (T, 3, H, W) → (T, H, W)."""
    return torch.einsum("tchw,c->thw", frames, torch.tensor([0.299, 0.587, 0.114]))


def _cosine(
    height: int, width: int, length: float, angle: float, phase: float, dx: float
) -> Tensor:
    rows = torch.arange(height, dtype=torch.float64)[:, None]
    columns = torch.arange(width, dtype=torch.float64)
    along = columns * math.cos(angle) + rows * math.sin(angle) - dx
    return torch.cos(2 * math.pi / length * along + phase)


def _frames(picture: Tensor) -> Tensor:
    return (0.5 + picture * torch.tensor(COLOUR)[:, None, None])[None].float()
