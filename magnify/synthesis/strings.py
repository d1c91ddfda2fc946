"""Strings, cables, wires: thin round lines, which cut-outs from photographs hardly have."""

import math

import torch
from torch import Generator, Tensor

THICKNESS = (1.0, 5.0)
"""In pixels, log-uniform."""
SAG = 0.15
"""How far the middle of a bent string hangs at most, relative to half its length."""


def draw_string(length: int, generator: Generator, device: torch.device) -> Tensor:
    """A string through the middle of a square, in any direction, every other one bent.

    It is shaded as a cylinder is, and half of them are wound.

    Args:
        length: of the square's sides in pixels.
        generator: on the CPU, so the same seed gives the same string on every device.

    Returns:
        (4, length, length), premultiplied RGBA in [0, 1].
    """
    values = torch.rand(8, generator=generator).tolist()
    bent, direction, hanging, thickness, brightness, shade, winding, period = values
    colour = (brightness + 0.2 * torch.randn(3, generator=generator)).clamp(0, 1).to(device)
    half = (length - 1) / 2
    grid = torch.arange(length, device=device) - half
    y, x, angle = grid[:, None], grid, math.pi * direction
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    sag = SAG * (2 * hanging - 1) if bent < 0.5 else 0.0
    slope = 2 * sag * along / max(half, 1)
    # The parabola's distance, as far as it is one near the line.
    across = (across - sag * half * (1 - (along / max(half, 1)) ** 2)) / (1 + slope**2).sqrt()
    thinnest, thickest = THICKNESS
    radius = thinnest * (thickest / thinnest) ** thickness / 2
    opacity = (radius + 0.5 - across.abs()).clamp(0, 1)
    roundness = (1 - (across / (radius + 0.5)) ** 2).clamp(min=0).sqrt()
    waves = torch.sin(2 * math.pi * along / (2 + 6 * period))
    light = (1 - shade + shade * roundness) * (1 + 0.4 * max(0.0, 2 * winding - 1) * waves)
    rgb = (colour[:, None, None] * light).clamp(0, 1) * opacity
    return torch.cat((rgb, opacity[None]))
