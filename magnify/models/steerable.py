"""Phase-based video magnification (Wadhwa et al., SIGGRAPH 2013): phases of oriented bands.

A complex steerable pyramid splits luma into bands of one octave or less and one orientation
(section 3.1). What moves turns the phases of its bands; turning them on moves it farther (3.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from magnify.errors import SettingsError
from magnify.models.anisotropy import fractional_anisotropy
from magnify.models.base import MagnificationModel, Oriented, Texture
from magnify.models.pyramids import (
    PATENTS,
    SMALLEST_SIDE,
    Radial,
    check_phase_smoothing,
    excess,
    gaussian,
    luma,
    smoothed,
)
from magnify.models.steerable_pyramid import (
    Band,
    Pyramid,
    complex_samples,
    packed,
    pyramid_of,
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

_NOTHING = 1e-6
"""An amplitude far below half a grey level."""


class Steerable(MagnificationModel, Oriented):
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

    def _pyramid(self, frames: Tensor) -> Pyramid:
        return pyramid_of(self.kind.radial, self.orientations, *frames.shape[-2:], frames.device)

    def shape_elements(self, height: int, width: int) -> int:
        cpu = torch.device("cpu")
        return pyramid_of(self.kind.radial, self.orientations, height, width, cpu).elements

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        pyramid, brightness = self._pyramid(frames), luma(frames)
        spectrum = pyramid.spectrum(brightness)
        untouched = pyramid.untouched(spectrum).sub_(brightness)
        return (frames + untouched[:, None],), pyramid.shape(spectrum)

    def encode_shape(self, frames: Tensor) -> Tensor:
        pyramid = self._pyramid(frames)
        return pyramid.shape(pyramid.spectrum(luma(frames)))

    def difference(self, shape: Tensor, reference: Tensor) -> Tensor:
        turned = complex_samples(shape) * complex_samples(reference).conj()
        return torch.atan2(turned.imag, turned.real)[:, None, None]

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        pyramid, samples = self._pyramid(texture[0]), complex_samples(shape)
        moved = torch.empty_like(samples)
        factor = excess(alpha, self.kind.gain).to(shape.device)
        for band in pyramid.bands:
            before = band.of(samples)
            phase = self._averaged(band, band.of(motion[:, 0, 0]), before) * factor
            torch.mul(before, torch.complex(phase.cos(), phase.sin()), out=band.of(moved))
        return packed(moved)

    def _averaged(self, band: Band, phase: Tensor, samples: Tensor) -> Tensor:
        """The mean phase of the neighbourhood (T, h, w), weighed by amplitude (section 3.4)."""
        if self.phase_smoothing == 0:
            return phase
        amplitude = torch.hypot(samples.real, samples.imag).add_(_NOTHING)
        taps = (gaussian(self.phase_smoothing * sampling) for sampling in band.sampling)
        weighed, weight = smoothed(torch.stack((amplitude * phase, amplitude)), *taps)
        return weighed.div_(weight)

    def anisotropy(self, motions: Tensor, shapes: Tensor, height: int, width: int) -> Tensor:
        """That of all orientations of a wavelength, on samples as dense as the densest of them.

        Weighed by amplitude, so that all have the same noise: an orientation that a picture hardly
        has would be noisier than the others.
        """
        pyramid = pyramid_of(self.kind.radial, self.orientations, height, width, motions.device)
        amplitude = complex_samples(shapes).abs()
        found = torch.empty_like(motions[0])
        for first in range(0, len(pyramid.bands), self.orientations):
            bands = pyramid.bands[first : first + self.orientations]
            heights, widths = zip(*(band.response.shape for band in bands), strict=True)
            size = (max(heights), max(widths))
            weighed = [band.of(motions[:, 0, 0]) * band.of(amplitude) for band in bands]
            anisotropy = fractional_anisotropy(torch.stack([_resized(m, size) for m in weighed]))
            for band in bands:
                resized = _resized(anisotropy[None], band.response.shape)
                band.of(found[0]).copy_(resized)
        return found

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (untouched,) = texture
        return untouched + self._pyramid(untouched).picture(complex_samples(shape))[:, None]


def _resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps (T, h, w) with as many samples as `size` says."""
    return F.interpolate(maps[:, None], tuple(size), mode="bilinear")[:, 0]
