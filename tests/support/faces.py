"""A face as a camera sees it: a patch of skin that reddens with every heartbeat, and noise."""

import numpy as np
from numpy.typing import NDArray

RATE = 30


def blushing(
    seconds: float,
    frequency: float,
    amplitude: float,
    size: tuple[int, int] = (48, 64),
    noise: float = 1.0,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Pictures (T, H, W, 3), and where the skin is, (H, W).

    Its green changes by `amplitude` grey levels (zero to peak) at `frequency` Hz.
    """
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    middle = (rows - size[0] * 0.6) ** 2 + (columns - size[1] / 2) ** 2
    skin = middle < (size[0] * 0.3) ** 2
    still = 90 + 30 * np.sin(columns / 3.0) + 20 * np.sin(rows / 4.0)
    scene = np.where(skin[..., None], (190.0, 140.0, 120.0), still[..., None])
    times = np.arange(round(seconds * RATE)) / RATE
    blush = amplitude * np.cos(2 * np.pi * frequency * times)
    change = blush[:, None, None, None] * skin[..., None] * (0.4, 1.0, 0.6)
    drawn = np.random.default_rng(5).normal(0, noise, (len(times), *size, 3))
    return np.clip(np.rint(scene + change + drawn), 0, 255).astype(np.uint8), skin
