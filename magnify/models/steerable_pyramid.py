"""The bands of a complex steerable pyramid: parts of a spectrum, by wavelength and orientation."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from magnify.models.pyramids import Canvas, Radial, fast_length, frequencies

_WEDGE = math.radians(67.5)
"""How far a band's orientations extend to either side. 90 degrees, as in the paper, would double
the samples of an oblique band for what is next to nothing."""

_NEGLIGIBLE = 1e-5
"""A response that no float32 picture shows."""


def complex_samples(shape: Tensor) -> Tensor:
    """Shape (T, 1, 1, 2n) → complex samples (T, n), not copied."""
    return torch.view_as_complex(shape.view(len(shape), -1, 2))


def packed(samples: Tensor) -> Tensor:
    """Complex samples (T, n) → shape (T, 1, 1, 2n), not copied."""
    return torch.view_as_real(samples).flatten(1)[:, None, None]


@dataclass(frozen=True)
class Band:
    """One wavelength and orientation.

    Attributes:
        box: rows and columns of its part of a spectrum that has frequency 0 in the middle.
        response: (h, w).
        start: where it begins in a packed map.
        sampling: samples per pixel of the band, down and across.
    """

    box: tuple[slice, slice]
    response: Tensor
    start: int
    sampling: tuple[float, float]

    def of(self, packed: Tensor) -> Tensor:
        """Packed (T, n) → the band (T, h, w), not copied."""
        end = self.start + self.response.numel()
        return packed[:, self.start : end].unflatten(1, self.response.shape)


@dataclass(frozen=True)
class Pyramid:
    """The bands of frames of one size, on one device.

    Attributes:
        canvas: of the frames.
        bands: the finest first.
        rest: the share of each frequency that no band holds.
        elements: samples of all bands.
    """

    canvas: Canvas
    bands: tuple[Band, ...]
    rest: Tensor
    elements: int

    def spectrum(self, pictures: Tensor) -> Tensor:
        return torch.fft.fftshift(torch.fft.fft2(self.canvas.around(pictures)), dim=(-2, -1))

    def untouched(self, spectrum: Tensor) -> Tensor:
        """What of the pictures (T, H, W) is in no band."""
        return self._picture(spectrum * self.rest)

    def shape(self, spectrum: Tensor) -> Tensor:
        """Spectrum (T, H, W) → packed samples (T, 1, 1, 2 · elements).

        Taking a part of the spectrum for the whole thins out the samples; that it begins elsewhere
        turns each by an angle that is the same in every frame.
        """
        samples = spectrum.new_empty(len(spectrum), self.elements)
        for band in self.bands:
            part = spectrum[:, *band.box] * band.response
            band.of(samples).copy_(torch.fft.ifft2(part))
        return packed(samples)

    def picture(self, samples: Tensor) -> Tensor:
        """Samples (T, elements) → pictures (T, H, W)."""
        spectrum = samples.new_zeros(len(samples), *self.canvas.size)
        for band in self.bands:
            part = torch.fft.fft2(band.of(samples)).mul_(band.response)
            spectrum[:, *band.box] += part
        return self._picture(spectrum).mul_(2)  # the bands hold one of each pair of frequencies

    def _picture(self, spectrum: Tensor) -> Tensor:
        centred = torch.fft.ifftshift(spectrum, dim=(-2, -1))
        return self.canvas.inside(torch.fft.ifft2(centred).real)


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def pyramid_of(
    radial: Radial, orientations: int, height: int, width: int, device: torch.device
) -> Pyramid:
    """The pyramid of frames of that size; those of the last four sizes are kept."""
    canvas = Canvas((height, width))
    y, x = (torch.fft.fftshift(frequencies(side, side)) for side in canvas.size)
    radius, angle = torch.hypot(y[:, None], x), torch.atan2(y[:, None], x)
    oriented = _orientations(angle, orientations)
    held = torch.zeros_like(radius)
    bands: list[Band] = []
    start = 0
    for number, ring in enumerate(radial.bands(radius, radial.count(height, width))):
        rows, columns = _support(ring)
        for wedge in oriented:
            down, across = _support(ring[rows, columns] * wedge[rows, columns])
            box = (
                _extended(rows.start + down.start, rows.start + down.stop, canvas.size[0]),
                _extended(
                    columns.start + across.start, columns.start + across.stop, canvas.size[1]
                ),
            )
            response = ring[box] * wedge[box]
            held[box] += response.square()
            sampled = canvas.sampling(response.shape, radial.reach(number))
            bands.append(Band(box, response.to(device), start, sampled))
            start += response.numel()
    # Frequency -f lies at -index; the first row and column are their own.
    mirrored = held.flip(0, 1).roll((1, 1), (0, 1))
    return Pyramid(canvas, tuple(bands), (1 - held - mirrored).to(device), start)


def _orientations(angle: Tensor, count: int) -> list[Tensor]:
    """The responses of `count` orientations; the squares of all and of their opposites sum to 1.

    Powers of a cosine as in section 3.1, narrowed to the wedge.
    """

    def wedge(centre: float) -> Tensor:
        distance = (angle - centre + math.pi).remainder(2 * math.pi).sub(math.pi).abs()
        scaled = distance * (math.pi / 2 / _WEDGE)
        return torch.cos(scaled.clamp(max=math.pi / 2)).clamp(min=0) ** (count - 1)

    held = torch.zeros_like(angle)
    for number in range(2 * count):
        held += wedge(math.pi * number / count).square()
    norm = held.sqrt_()
    return [wedge(math.pi * number / count).div_(norm) for number in range(count)]


def _support(response: Tensor) -> tuple[slice, slice]:
    """The rows and columns where a response is not negligible."""
    there = response > _NEGLIGIBLE
    rows, columns = there.any(dim=1).nonzero(), there.any(dim=0).nonzero()
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _extended(start: int, stop: int, whole: int) -> slice:
    """That part of a side, or a somewhat longer one whose transform is fast."""
    length = min(fast_length(stop - start), whole)
    start = min(start, whole - length)
    return slice(start, start + length)
