"""Pictures to synthesise scenes from, without any file."""

import numpy as np
import torch
from scipy import ndimage

from magnify.lab.synthesis import Photographs


def random_photographs() -> Photographs:
    """Smooth random textures and discs cut out of them."""
    generator = np.random.default_rng(3)

    def texture(height: int, width: int) -> np.ndarray:
        noise = ndimage.gaussian_filter(generator.standard_normal((3, height, width)), (0, 2, 2))
        return (128 + 50 * noise / noise.std()).clip(0, 255).astype(np.uint8)

    def disc(size: int) -> np.ndarray:
        y, x = np.mgrid[:size, :size] - (size - 1) / 2
        alpha = np.clip(size / 2 - 2 - np.hypot(y, x), 0, 1) * 255
        return np.concatenate([texture(size, size), alpha[None].astype(np.uint8)])

    return Photographs(
        tuple(torch.from_numpy(texture(220 + 7 * i, 260)) for i in range(4)),
        tuple(torch.from_numpy(disc(90 + 13 * i)) for i in range(3)),
    )
