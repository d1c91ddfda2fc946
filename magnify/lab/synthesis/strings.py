"""Draws strings, cables and wires: thin round lines, which cut-outs hardly have."""

import math
from collections.abc import Iterator

import torch
from torch import Generator, Tensor

THICKNESS = (1.0, 5.0)
"""In pixels, log-uniform."""
SAG = 0.15
"""How far the middle of a bent string hangs at most, relative to half its length."""


def draw_strings(
    lengths: Tensor, first: Tensor, extent: Tensor, generator: Generator, device: torch.device
) -> Iterator[Tensor]:
    """Draws strings, each through the middle of a square, in any direction, half of them bent.

    They are shaded as cylinders are, and half of them are wound.

    Args:
        lengths: (S,), of each square's sides in whole pixels; as what follows, on the CPU.
        first: (S, 2), the square's first row and column that is wanted.
        extent: (S, 2), how many are.
        generator: on the CPU, so the same seed gives the same strings on every device.

    Returns:
        Each (4, *extent), premultiplied RGBA in [0, 1].
    """
    count = len(lengths)
    if count == 0:
        return iter(())
    values = torch.rand(count, 8, generator=generator)
    colour = (values[:, 4, None] + 0.2 * torch.randn(count, 3, generator=generator)).clamp(0, 1)
    half = (lengths - 1) / 2
    # All at once: on a GPU, what takes time is the number of steps.
    numbers = torch.cat((values, half[:, None], first - half[:, None], colour), dim=1)
    numbers = numbers.to(device, non_blocking=True)
    bent, direction, hanging, thickness, _, shade, winding, period, half, top, left = (
        number[:, None, None] for number in numbers[:, :11].unbind(dim=1)
    )
    colour = numbers[:, 11:, None, None]
    height, width = extent.amax(dim=0).int().tolist()
    y = torch.arange(height, device=device)[:, None] + top
    x = torch.arange(width, device=device) + left
    angle = math.pi * direction
    along = x * angle.cos() + y * angle.sin()
    across = y * angle.cos() - x * angle.sin()
    sag = SAG * (2 * hanging - 1) * (bent < 0.5)
    slope = 2 * sag * along / half.clamp(min=1)
    # The parabola's distance, as far as it is one near the line.
    across = (across - sag * half * (1 - (along / half.clamp(min=1)) ** 2)) / (1 + slope**2).sqrt()
    thinnest, thickest = THICKNESS
    radius = thinnest * (thickest / thinnest) ** thickness / 2
    opacity = (radius + 0.5 - across.abs()).clamp(0, 1)
    roundness = (1 - (across / (radius + 0.5)) ** 2).clamp(min=0).sqrt()
    waves = torch.sin(2 * math.pi * along / (2 + 6 * period))
    light = (1 - shade + shade * roundness) * (1 + 0.4 * (2 * winding - 1).clamp(min=0) * waves)
    rgb = (colour * light[:, None]).clamp(0, 1) * opacity[:, None]
    squares = torch.cat((rgb, opacity[:, None]), dim=1)
    shapes = extent.int().tolist()
    return (square[:, :h, :w] for square, (h, w) in zip(squares, shapes, strict=True))
