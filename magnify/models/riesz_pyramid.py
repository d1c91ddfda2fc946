"""The bands of a Riesz pyramid: octaves of real maps, each with its Riesz transform."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from magnify.models.pyramids import Canvas, Radial, fast_length, frequencies

OCTAVES = Radial(per_octave=1, transition=1.0)


@dataclass(frozen=True)
class Octave:
    """One band of a pyramid.

    Attributes:
        size: height and width.
        start: where it begins in a packed map.
        response: of I, (h, w // 2 + 1).
        right, down: of R1 and R2, divided by -i.
        sampling: samples per pixel of the band, down and across.
    """

    size: tuple[int, int]
    start: int
    response: Tensor
    right: Tensor
    down: Tensor
    sampling: tuple[float, float]

    def to(self, device: torch.device) -> "Octave":
        tensors = {name: getattr(self, name).to(device) for name in ("response", "right", "down")}
        return replace(self, **tensors)


@dataclass(frozen=True)
class Pyramid:
    """The bands of frames of one size, on one device.

    Attributes:
        canvas: of the frames.
        octaves: the finest first.
        rest: the share of each frequency that no band holds.
        elements: of one packed map.
    """

    canvas: Canvas
    octaves: tuple[Octave, ...]
    rest: Tensor
    elements: int

    def spectrum(self, pictures: Tensor) -> Tensor:
        return torch.fft.rfft2(self.canvas.around(pictures))

    def untouched(self, spectrum: Tensor) -> Tensor:
        """What of the pictures (T, H, W) is in no band."""
        return self.canvas.inside(torch.fft.irfft2(spectrum * self.rest, s=self.canvas.size))

    def shape(self, spectrum: Tensor) -> Tensor:
        """Spectrum (T, h, w // 2 + 1) → packed I, R1 and R2 (T, 1, 1, 3 · elements)."""
        packed = spectrum.real.new_empty(len(spectrum), 3, self.elements)
        for octave in self.octaves:
            cut = _cut(spectrum, octave.size)
            turned = torch.complex(cut.imag, -cut.real)
            end = octave.start + math.prod(octave.size)
            for number, response in enumerate((octave.response, octave.right, octave.down)):
                part = (turned if number else cut) * response
                band = torch.fft.irfft2(part, s=octave.size)
                packed[:, number, octave.start : end] = band.flatten(1)
        return packed.flatten(1)[:, None, None]

    def maps(self, packed: Tensor, octave: Octave) -> Tensor:
        """Packed (T, 1, 1, k · elements) → the octave's (T, k, h, w), not copied."""
        maps = packed.view(len(packed), -1, self.elements)
        end = octave.start + math.prod(octave.size)
        return maps[:, :, octave.start : end].unflatten(2, octave.size)

    def picture(self, packed: Tensor) -> Tensor:
        """Packed I (T, 1, 1, elements) → pictures (T, H, W)."""
        height, width = self.canvas.size
        spectrum = packed.new_zeros(len(packed), height, width // 2 + 1, dtype=torch.complex64)
        for octave in self.octaves:
            (band,) = self.maps(packed, octave).unbind(1)
            _add(spectrum, torch.fft.rfft2(band).mul_(octave.response), octave.size)
        return self.canvas.inside(torch.fft.irfft2(spectrum, s=self.canvas.size))


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def pyramid_of(height: int, width: int, device: torch.device) -> Pyramid:
    """The pyramid of frames of that size; those of the last four sizes are kept."""
    canvas = Canvas((height, width))
    count = OCTAVES.count(height, width)
    held = torch.zeros(canvas.size[0], canvas.size[1] // 2 + 1)
    octaves, start = [], 0
    for number in range(count):
        size = _band_size(OCTAVES.reach(number), canvas)
        octave = _octave(number, count, size, start, canvas)
        _add(held, octave.response.square(), size)
        octaves.append(octave.to(device))
        start += math.prod(size)
    return Pyramid(canvas, tuple(octaves), (1 - held).to(device), start)


def _band_size(reach: float, canvas: Canvas) -> tuple[int, int]:
    """The fast size whose spectrum holds all frequencies below `reach`."""
    height, width = (min(fast_length(math.ceil(reach * s) + 1), s) for s in canvas.size)
    return height, width


def _octave(number: int, count: int, size: tuple[int, int], start: int, canvas: Canvas) -> Octave:
    y = frequencies(size[0], canvas.size[0])[:, None]
    x = frequencies(size[1], canvas.size[1], half=True)[None]
    radius = torch.hypot(y, x)
    response = list(OCTAVES.bands(radius, count))[number]
    per_radius = response / radius.clamp(min=1e-9)
    right, down = x * per_radius, y * per_radius
    # A real map has no direction at its highest frequency.
    right[:, -1], down[size[0] // 2] = 0, 0
    sampling = canvas.sampling(size, OCTAVES.reach(number))
    return Octave(size, start, response, right, down, sampling)


def _cut(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    """The lowest frequencies of a spectrum (T, H, W // 2 + 1) → (T, h, w // 2 + 1)."""
    rows, columns = size[0] // 2, size[1] // 2 + 1
    if size[0] == spectrum.shape[-2]:
        return spectrum[..., :columns]
    return torch.cat((spectrum[..., :rows, :columns], spectrum[..., -rows:, :columns]), dim=-2)


def _add(spectrum: Tensor, band: Tensor, size: tuple[int, int]) -> None:
    """Adds a band to the spectrum's lowest frequencies."""
    rows, columns = size[0] // 2, size[1] // 2 + 1
    spectrum[..., :rows, :columns] += band[..., :rows, :]
    spectrum[..., -rows:, :columns] += band[..., -rows:, :]
