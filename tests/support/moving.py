"""Textures that move exactly as told, drawn with NumPy, and lossless files of them."""

import subprocess
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]


def texture(
    dx: float = 0.0, dy: float = 0.0, size: tuple[int, int] = (96, 96), seed: int = 0
) -> NDArray[np.float64]:
    """Grey levels (H, W) of a texture of waves longer than 5 pixels, at displaced positions.

    It wraps around, and is shifted by its Fourier series: exactly.
    """
    spectrum, down, right = _waves(size, seed)
    shifted = spectrum * np.exp(-1j * (right * dx + down * dy))
    levels: NDArray[np.float64] = np.fft.irfft2(shifted, size)
    return 127 + 45 * levels


@lru_cache
def _waves(size: tuple[int, int], seed: int) -> tuple[NDArray[np.complex128], Grid, Grid]:
    """The spectrum of noise that has nothing finer, with a variance of 1."""
    down, right = np.meshgrid(
        2 * np.pi * np.fft.fftfreq(size[0]), 2 * np.pi * np.fft.rfftfreq(size[1]), indexing="ij"
    )
    spectrum = np.fft.rfft2(np.random.default_rng(seed).normal(size=size))
    frequency = np.hypot(down, right)
    spectrum[(frequency > 1.2) | (frequency < 0.2)] = 0
    return spectrum / np.fft.irfft2(spectrum, size).std(), down, right


def filmed(
    levels: NDArray[np.float64], noise: float = 0.0, random: np.random.Generator | None = None
) -> NDArray[np.uint8]:
    """What a camera of 8 bits makes of grey levels (H, W): (H, W, 3)."""
    if random is not None:
        levels = levels + random.normal(0, noise, levels.shape)
    grey = levels.round().clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def write_lossless(
    path: Path, pictures: Iterable[NDArray[np.uint8]], rate: float, *options: str
) -> Path:
    """A file that holds the pictures (H, W, 3) bit for bit; `options` are ffmpeg's instead."""
    frames = list(pictures)
    height, width = frames[0].shape[:2]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", str(rate), "-i", "-"]
    command += options or ("-c:v", "ffv1", "-pix_fmt", "bgr0")
    subprocess.run([*command, str(path)], input=b"".join(f.tobytes() for f in frames), check=True)
    return path
