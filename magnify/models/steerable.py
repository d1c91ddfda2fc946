"""Phase-based video magnification (Wadhwa et al., SIGGRAPH 2013): phases of oriented bands.

A complex steerable pyramid splits luma into bands of one octave or less and one orientation
(section 3.1). What moves turns the phases of its bands; turning them on moves it farther (3.2).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.models.base import MagnificationModel, Texture
from magnify.models.pyramids import (
    PATENTS,
    SMALLEST_SIDE,
    Canvas,
    Radial,
    check_phase_smoothing,
    excess,
    fast_length,
    frequencies,
    gaussian,
    luma,
    smoothed,
)

Spacing: TypeAlias = Literal["octave", "half-octave"]


@dataclass(frozen=True)
class Kind:
    """A pyramid of the paper's Fig. 5.

    Attributes:
        radial: its division by wavelength.
        orientations: how many it has if nothing is said.
        gain: what a phase moves by, where alpha says 1: see `excess`.
    """

    radial: Radial
    orientations: int
    gain: float


KINDS: dict[Spacing, Kind] = {
    "octave": Kind(Radial(per_octave=1, transition=1.0), orientations=4, gain=1.08),
    "half-octave": Kind(Radial(per_octave=2, transition=0.75), orientations=8, gain=1.04),
}

_WEDGE = math.radians(67.5)
"""How far a band's orientations extend to either side. 90 degrees, as in the paper, would double
the samples of an oblique band for what is next to nothing."""

_NEGLIGIBLE = 1e-5
"""A response that no float32 picture shows."""

_NOTHING = 1e-6
"""An amplitude far below half a grey level."""


class Steerable(MagnificationModel):
    """Turns the phases of the bands of luma.

    The shape holds the bands' complex samples, each as two numbers; their difference the angles
    between them, in (-π, π].
    """

    name: ClassVar[str] = "steerable"
    paper: ClassVar[str] = "Phase-Based Video Motion Processing, Wadhwa et al., SIGGRAPH 2013"
    good_at: ClassVar[str] = "the classical reference; clean recordings, no artefacts of learning"
    patent: ClassVar[str | None] = PATENTS
    has_weights: ClassVar[bool] = False
    cumulative: ClassVar[bool] = True
    stride: ClassVar[int] = 1
    minimum_size: ClassVar[int] = SMALLEST_SIDE
    value_range = (0.0, 1.0)
    receptive_radius = None
    stage_radii = None
    bytes_per_pixel: ClassVar[int] = 360

    def __init__(
        self,
        pyramid: Spacing = "half-octave",
        orientations: int | None = None,
        phase_smoothing: float = 2.0,
    ) -> None:
        """A method without weights.

        Args:
            pyramid: what of the wavelengths shares a band. "half-octave" carries larger motion,
                "octave" takes half the time and memory.
            orientations: bands for each wavelength; 4 for "octave", 8 for "half-octave".
            phase_smoothing: over how many pixels of each band the motion is averaged, as the
                standard deviation of a Gaussian; 0 does not.

        Raises:
            SettingsError: there is no such pyramid, or a number is out of its range.
        """
        super().__init__()
        if pyramid not in get_args(Spacing):
            raise SettingsError(
                f"unknown pyramid '{pyramid}'; choose one of {', '.join(get_args(Spacing))}"
            )
        self.kind = KINDS[pyramid]
        self.orientations = self.kind.orientations if orientations is None else orientations
        if not 2 <= self.orientations <= 8:
            raise SettingsError(f"orientations must be 2 to 8, not {orientations}")
        self.phase_smoothing = check_phase_smoothing(phase_smoothing)

    def _pyramid(self, frames: Tensor) -> "Pyramid":
        return _pyramid(self.kind.radial, self.orientations, *frames.shape[-2:], frames.device)

    def shape_elements(self, height: int, width: int) -> int:
        cpu = torch.device("cpu")
        return _pyramid(self.kind.radial, self.orientations, height, width, cpu).elements

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        pyramid, brightness = self._pyramid(frames), luma(frames)
        spectrum = pyramid.spectrum(brightness)
        untouched = pyramid.untouched(spectrum).sub_(brightness)
        return (frames + untouched[:, None],), pyramid.shape(spectrum)

    def encode_shape(self, frames: Tensor) -> Tensor:
        pyramid = self._pyramid(frames)
        return pyramid.shape(pyramid.spectrum(luma(frames)))

    def difference(self, shape: Tensor, reference: Tensor) -> Tensor:
        turned = _complex(shape) * _complex(reference).conj()
        return torch.atan2(turned.imag, turned.real)[:, None, None]

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        pyramid, samples = self._pyramid(texture[0]), _complex(shape)
        moved = torch.empty_like(samples)
        factor = excess(alpha, self.kind.gain).to(shape.device)
        for band in pyramid.bands:
            before = band.of(samples)
            phase = self._averaged(band, band.of(motion[:, 0, 0]), before) * factor
            torch.mul(before, torch.complex(phase.cos(), phase.sin()), out=band.of(moved))
        return _packed(moved)

    def _averaged(self, band: "Band", phase: Tensor, samples: Tensor) -> Tensor:
        """The mean phase of the neighbourhood (T, h, w), weighed by amplitude (section 3.4)."""
        if self.phase_smoothing == 0:
            return phase
        amplitude = torch.hypot(samples.real, samples.imag).add_(_NOTHING)
        taps = (gaussian(self.phase_smoothing * sampling) for sampling in band.sampling)
        weighed, weight = smoothed(torch.stack((amplitude * phase, amplitude)), *taps)
        return weighed.div_(weight)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (untouched,) = texture
        return untouched + self._pyramid(untouched).picture(_complex(shape))[:, None]


def _complex(shape: Tensor) -> Tensor:
    """Shape (T, 1, 1, 2n) → complex samples (T, n), not copied."""
    return torch.view_as_complex(shape.view(len(shape), -1, 2))


def _packed(samples: Tensor) -> Tensor:
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
        return _packed(samples)

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


@lru_cache(maxsize=2)
@torch.inference_mode(False)
def _pyramid(
    radial: Radial, orientations: int, height: int, width: int, device: torch.device
) -> Pyramid:
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
