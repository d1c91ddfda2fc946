"""Measures how near pictures are to the truth, and how steady they are where nothing moves.

Pictures are (T, H, W, 3), RGB in grey levels of 255.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.video import Picture

Levels: TypeAlias = NDArray[np.floating] | Picture

BEST_PSNR = 100.0
"""What identical pictures are given, in dB, instead of infinity."""

_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(pictures: Levels, truth: Levels) -> NDArray[np.float64]:
    """Gives each picture's structural similarity (T,), the mean of red, green and blue.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
    Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01, K2 = 0.03, where it fits into the picture.
    On colours rather than luma, as coloured blotches are damage too.
    """
    return np.array([_ssim(*pair) for pair in zip(pictures, truth, strict=True)])


def _ssim(picture: Levels, truth: Levels) -> float:
    a, b = picture.astype(float), truth.astype(float)
    mean_a, mean_b = _window(a), _window(b)
    variances = _window(a * a) - mean_a**2 + _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    return float((luminance * structure).mean())


def _window(values: NDArray[np.float64]) -> NDArray[np.float64]:
    averaged = ndimage.gaussian_filter(values, _SIGMA, radius=_RADIUS, axes=(0, 1))
    return averaged[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]


def psnr(pictures: Levels, truth: Levels) -> NDArray[np.float64]:
    """Gives each picture's peak signal-to-noise ratio (T,) in dB over all colours, peak 255."""
    error = np.square(np.subtract(pictures, truth, dtype=float)).mean(axis=(1, 2, 3))
    worst = 255**2 / 10 ** (BEST_PSNR / 10)
    decibels: NDArray[np.float64] = 10 * np.log10(255**2 / error.clip(worst))
    return decibels


def levels(pictures: Picture) -> NDArray[np.floating]:
    """Converts pictures of any depth to grey levels of 255."""
    return pictures * (255 / np.iinfo(pictures.dtype).max)


class TemporalDeviation(NamedTuple):
    """Temporal standard deviation in grey levels: root mean square over the pixels."""

    luma: float
    chroma: float


def temporal_deviation(
    pictures: Levels, mask: NDArray[np.bool_] | None = None
) -> TemporalDeviation:
    """Measures how much pixels change over time: BT.601 luma, mean variance of Cb and Cr.

    Args:
        mask: (H, W), the pixels that count; all of them by default.
    """
    running = RunningDeviation()
    running.feed(pictures.reshape(len(pictures), -1, 3) if mask is None else pictures[:, mask])
    return running.value()


class RunningDeviation:
    """Measures the temporal deviation of pictures that come a few at a time, of one size."""

    def __init__(self) -> None:
        self._count = 0

    def feed(self, pictures: Levels) -> None:
        """Takes the next pictures, (T, ..., 3)."""
        if not self._count:
            self._first = pictures[0].astype(float)
            self._sum = np.zeros(self._first.shape)
            self._squares = np.zeros(self._first.shape)
        # Counted from the first frame, what stands still has a variance of exactly zero.
        change = (pictures - self._first) @ _YCBCR.T
        self._count += len(change)
        self._sum += change.sum(axis=0)
        self._squares += np.square(change).sum(axis=0)

    def value(self) -> TemporalDeviation:
        """Gives the deviation of all of them, two or more."""
        squares = self._squares - np.square(self._sum) / self._count
        variance = squares.clip(0).reshape(-1, 3).mean(axis=0) / (self._count - 1)
        return TemporalDeviation(float(np.sqrt(variance[0])), float(np.sqrt(variance[1:].mean())))


_LUMA = np.array([0.299, 0.587, 0.114])
_YCBCR = np.stack([_LUMA, ([0, 0, 1] - _LUMA) / 1.772, ([1, 0, 0] - _LUMA) / 1.402])
