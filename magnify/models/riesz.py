"""Riesz pyramids (Wadhwa et al., ICCP 2014): local phase from three real maps per octave.

A band I and its Riesz transform (R1, R2) say, at each pixel, the phase of the wave there and the
direction that it runs in (section 2). What moves changes that phase, along that direction; shifting
it farther moves the wave farther.

Two things differ from the paper. The transform is exact, in the Fourier domain, instead of a filter
of three taps. And the change of phase is not averaged over neighbours that run in other directions:
the one shift is sought that explains the change of all of them, as in optical flow. The average
falls short, by half where all directions occur.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor

from magnify.models.base import MagnificationModel, Texture
from magnify.models.pyramids import (
    PATENTS,
    SMALLEST_SIDE,
    check_phase_smoothing,
    excess,
    gaussian,
    luma,
    smoothed,
)
from magnify.models.riesz_pyramid import Octave, Pyramid, pyramid_of

GAIN = 1.08
"""What a phase moves by, where alpha says 1: see `excess`."""

_LEAST_SPREAD = 0.005
"""How little the directions around a pixel may spread, relative to their sum, for a shift across
the main one to be believed."""

_NOTHING = 1e-12
"""Far below the square of half a grey level."""


class Riesz(MagnificationModel):
    """Shifts the local phase of each octave of luma.

    The shape holds I, R1 and R2 of all octaves; their difference is the change of phase times the
    direction, as two maps per octave; a manipulated shape is I alone.
    """

    name: ClassVar[str] = "riesz"
    paper: ClassVar[str] = (
        "Riesz Pyramids for Fast Phase-Based Video Magnification, Wadhwa et al., ICCP 2014"
    )
    good_at: ClassVar[str] = "fast; keeps texture, swings from the first frame; clean recordings"
    patent: ClassVar[str | None] = PATENTS
    has_weights: ClassVar[bool] = False
    cumulative: ClassVar[bool] = True
    stride: ClassVar[int] = 1
    minimum_size: ClassVar[int] = SMALLEST_SIDE
    value_range = (0.0, 1.0)
    receptive_radius = None
    stage_radii = None
    bytes_per_pixel: ClassVar[int] = 240

    def __init__(self, phase_smoothing: float = 2.0) -> None:
        """A method without weights.

        Args:
            phase_smoothing: over how many pixels of each octave the motion is averaged, as the
                standard deviation of a Gaussian; 0 does not.

        Raises:
            SettingsError: `phase_smoothing` is not 0 to 20.
        """
        super().__init__()
        self.phase_smoothing = check_phase_smoothing(phase_smoothing)

    def _pyramid(self, frames: Tensor) -> Pyramid:
        return pyramid_of(*frames.shape[-2:], frames.device)

    def shape_elements(self, height: int, width: int) -> int:
        return 2 * pyramid_of(height, width, torch.device("cpu")).elements

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        pyramid, brightness = self._pyramid(frames), luma(frames)
        spectrum = pyramid.spectrum(brightness)
        untouched = pyramid.untouched(spectrum).sub_(brightness)
        return (frames + untouched[:, None],), pyramid.shape(spectrum)

    def encode_shape(self, frames: Tensor) -> Tensor:
        pyramid = self._pyramid(frames)
        return pyramid.shape(pyramid.spectrum(luma(frames)))

    def difference(self, shape: Tensor, reference: Tensor) -> Tensor:
        """The angle between the two quaternions I + i·R1 + j·R2, 0 to π, along its axis.

        The angle of q · conj(q'), section 3: it runs from the reference to the shape.
        """
        i, r1, r2 = _planes(shape)
        i0, r10, r20 = _planes(reference)
        along = (i * i0).addcmul_(r1, r10).addcmul_(r2, r20)
        right, down = (r1 * i0).addcmul_(i, r10, value=-1), (r2 * i0).addcmul_(i, r20, value=-1)
        length = torch.hypot(right, down)
        scale = torch.atan2(length, along).div_(length.clamp_(min=1e-20))
        return torch.cat((right.mul_(scale), down.mul_(scale)), dim=1)[:, None, None]

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        pyramid = self._pyramid(texture[0])
        factor = excess(alpha, GAIN).to(shape.device)
        bands = [
            self._moved(octave, pyramid.maps(shape, octave), pyramid.maps(motion, octave), factor)
            for octave in pyramid.octaves
        ]
        return torch.cat([band.flatten(1) for band in bands], dim=1)[:, None, None]

    def _moved(self, octave: Octave, maps: Tensor, motion: Tensor, factor: Tensor) -> Tensor:
        """Maps (T, 3, h, w) and motion (T, 2, h, w) → the moved band (T, h, w).

        A shift s changes the phase by s·n where the wave runs in direction n. Least squares over
        the neighbourhood, weighed by amplitude: (Σ w n nᵀ) s = Σ w n Δφ.
        """
        band, r1, r2 = maps.unbind(1)
        weight = (maps.square().sum(1) + _NOTHING).rsqrt_()
        xx, xy, yy = r1 * r1 * weight, r1 * r2 * weight, r2 * r2 * weight
        x, y = ((xx + yy) * direction for direction in motion.unbind(1))
        taps = (gaussian(self.phase_smoothing * sampling) for sampling in octave.sampling)
        xx, xy, yy, x, y = smoothed(torch.stack((xx, xy, yy, x, y)), *taps)
        spread = (xx + yy).add_(_NOTHING)
        a, b = xx + _LEAST_SPREAD * spread, yy + _LEAST_SPREAD * spread
        scale = factor / (a * b - xy * xy)
        right, down = (b * x - xy * y) * scale, (a * y - xy * x) * scale
        # By how much the phase changes where directions mix: their mean square.
        change = (xx * right * right + 2 * xy * right * down + yy * down * down) / spread
        change = change.clamp_(min=0).sqrt_()
        sine = torch.sinc(change / math.pi)  # sin(change) / change
        return change.cos_().mul_(band).sub_(sine.mul_(right.mul_(r1).add_(down.mul_(r2))))

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (untouched,) = texture
        return untouched + self._pyramid(untouched).picture(shape)[:, None]


def _planes(shape: Tensor) -> tuple[Tensor, ...]:
    """Shape (T, 1, 1, 3n) → I, R1 and R2, each (T, n), not copied."""
    return shape.view(len(shape), 3, -1).unbind(1)
