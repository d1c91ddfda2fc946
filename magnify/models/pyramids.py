"""What the classical methods share: luma, frames as their Fourier transform takes them, bands.

Bands are cut out of a frame's spectrum. So they fit frames of any size, keep their phase exactly
at every frequency, and are put together again without loss.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from magnify.errors import SettingsError

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (BT.601): the Y of YIQ."""

SMALLEST_SIDE = 16

PATENTS = "US 9811901, US 10007986 and US 9338331 cover phase-based magnification in the USA"

_MARGIN = 8
"""Pixels of reflection at each edge, at least: a spectrum takes the left edge as the right one's
neighbour, and a reflection is a better one."""

_TOP = math.sqrt(0.5)
"""The highest band's lower end, relative to the highest frequency. It has no upper end: everything
finer moves with it."""

_TRUNCATED = 3.0
"""Where a Gaussian ends, in standard deviations."""


def luma(frames: Tensor) -> Tensor:
    """Frames (T, 3, H, W) → their luma (T, H, W)."""
    red, green, blue = (
        channel * weight for channel, weight in zip(frames.unbind(1), LUMA, strict=True)
    )
    return red.add_(green).add_(blue)


@dataclass(frozen=True)
class Canvas:
    """A frame with reflected margins, of a size that is transformed fast.

    Attributes:
        frame: height and width of the frame in pixels.
    """

    frame: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width with the margins."""
        height, width = (fast_length(side + 2 * _MARGIN) for side in self.frame)
        return height, width

    @property
    def corner(self) -> tuple[int, int]:
        """The row and column of the frame's first pixel."""
        top, left = ((s - f) // 2 for s, f in zip(self.size, self.frame, strict=True))
        return top, left

    def around(self, picture: Tensor) -> Tensor:
        """Pictures (T, H, W) → the same with margins."""
        (top, left), (height, width) = self.corner, self.size
        bottom, right = height - self.frame[0] - top, width - self.frame[1] - left
        return F.pad(picture[:, None], (left, right, top, bottom), mode="reflect")[:, 0]

    def inside(self, canvas: Tensor) -> Tensor:
        """Pictures with margins → those without, (T, H, W)."""
        (top, left), (height, width) = self.corner, self.frame
        return canvas[:, top : top + height, left : left + width]

    def sampling(self, band: Sequence[int], reach: float) -> tuple[float, float]:
        """How densely a band of that size is sampled down and across, where `reach` asks for 1."""
        down, across = (s / (whole * reach) for s, whole in zip(band, self.size, strict=True))
        return down, across


def fast_length(length: int) -> int:
    """The next even number that has no prime factor above 5."""
    while length % 2 or _rest(length) > 1:
        length += 1
    return length


def _rest(length: int) -> int:
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    return length


@dataclass(frozen=True)
class Radial:
    """How a pyramid divides the frequencies by their distance from 0.

    Attributes:
        per_octave: bands in an octave.
        transition: how far a band's edge extends, in octaves.
    """

    per_octave: int
    transition: float

    def count(self, height: int, width: int) -> int:
        """How many bands frames have: the lowest is complete up to half the short side."""
        return int(self.per_octave * (math.log2(min(height, width)) - 1))

    def peak(self, number: int) -> float:
        """Where a band of that number begins to be complete; 1 is the highest frequency."""
        return _TOP * 2.0 ** (-number / self.per_octave)

    def reach(self, number: int) -> float:
        """The highest frequency that a band holds, 1 at most."""
        return min(1.0, self.peak(number) * 2.0 ** (1 / self.per_octave)) if number else 1.0

    def bands(self, radius: Tensor, count: int) -> Iterator[Tensor]:
        """The response of each band at those radii, highest first; their squares sum up to 1,
        together with what is below the lowest.

        Wadhwa et al., "Phase-Based Video Motion Processing", 2013, section 3.1 and supplement:
        an edge is a quarter period of a cosine over the logarithm of the frequency.
        """
        octave = torch.log2(radius.clamp(min=1e-9))
        below = torch.ones_like(radius)
        for number in range(count):
            distance = (octave - math.log2(self.peak(number))).clamp(-self.transition, 0.0)
            angle = distance * (math.pi / 2 / self.transition)
            yield below * torch.cos(angle)
            below = below * -torch.sin(angle)


def frequencies(size: int, canvas: int, *, half: bool = False) -> Tensor:
    """The frequencies of a band of `size` samples across a canvas; 1 is the canvas's highest.

    In the order of a Fourier transform, or of its first half.
    """
    transform = torch.fft.rfftfreq if half else torch.fft.fftfreq
    return (transform(size, dtype=torch.float64) * (2 * size / canvas)).float()


def excess(alpha: float | Tensor, gain: float) -> Tensor:
    """By what a phase's change is multiplied and then added: (1, 1, 1) or (T, 1, 1).

    A band's amplitude stays where it is while its phase moves on. A single wave then moves as far
    as its phase; photographs, of many waves, fall short by a tenth or more. Where motion grows,
    `gain` makes up for about half of that.
    """
    more = torch.as_tensor(alpha, dtype=torch.float32).reshape(-1, 1, 1) - 1
    return torch.where(more > 0, more * gain, more)


def gaussian(sigma: float) -> tuple[float, ...]:
    """Taps of a Gaussian that sum up to 1; a single one if there is nothing to smooth."""
    reach = math.ceil(_TRUNCATED * sigma)
    taps = [math.exp(-0.5 * (i / sigma) ** 2) if sigma else 1.0 for i in range(-reach, reach + 1)]
    return tuple(tap / sum(taps) for tap in taps)


def smoothed(maps: Tensor, down: Sequence[float], across: Sequence[float]) -> Tensor:
    """Maps (..., h, w) convolved with taps along each side; beyond the edges they are 0.

    The ratio of two smoothed maps so forgets what is beyond the edges.
    """
    for dim, taps in ((-2, down), (-1, across)):
        reach, length = len(taps) // 2, maps.shape[dim]
        if reach == 0:
            continue
        padding = (reach, reach) if dim == -1 else (0, 0, reach, reach)
        padded = F.pad(maps, padding)
        maps = padded.narrow(dim, 0, length) * taps[0]
        for start, tap in enumerate(taps[1:], 1):
            maps.add_(padded.narrow(dim, start, length), alpha=tap)
    return maps


def check_phase_smoothing(sigma: float) -> float:
    """A number of pixels from 0 to 20.

    Raises:
        SettingsError: it is not.
    """
    if not 0 <= sigma <= 20:
        raise SettingsError(f"phase smoothing must be 0 to 20 pixels, not {sigma}")
    return float(sigma)
