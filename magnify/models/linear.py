"""Linear Eulerian video magnification (Wu et al., SIGGRAPH 2012): brightness changes, grown.

Where something moves by a small part of its wavelength, its brightness changes by the motion times
the gradient (section 3.1). Growing that change grows the motion, until it exceeds an eighth of the
wavelength (eq. 14): shorter waves have to be grown less.
"""

import math
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.models.base import MagnificationModel, Texture
from magnify.models.pyramids import SMALLEST_SIDE, Canvas, frequencies, luma


class Linear(MagnificationModel):
    """Grows the change of luma, each wavelength by as much as it bears.

    Waves of `cutoff` pixels and more are grown alpha times, shorter ones in proportion to their
    length and never less than they are. The picture's mean brightness is not grown.

    The paper has one factor for each level of a Laplacian pyramid, which stands for an octave of
    wavelengths. Here each wavelength has its own.
    """

    name: ClassVar[str] = "linear"
    paper: ClassVar[str] = (
        "Eulerian Video Magnification for Revealing Subtle Changes, Wu et al., SIGGRAPH 2012"
    )
    good_at: ClassVar[str] = "the fastest; very small motion of soft things, at small factors"
    has_weights: ClassVar[bool] = False
    stride: ClassVar[int] = 1
    minimum_size: ClassVar[int] = SMALLEST_SIDE
    value_range = (0.0, 1.0)
    receptive_radius = None
    stage_radii = None
    bytes_per_pixel: ClassVar[int] = 80

    def __init__(self, cutoff: float = 16.0) -> None:
        """A method without weights.

        Args:
            cutoff: the shortest wavelength grown in full, in pixels; 0 grows all in full.

        Raises:
            SettingsError: the cutoff is negative or not a number.
        """
        super().__init__()
        if not (math.isfinite(cutoff) and cutoff >= 0):
            raise SettingsError(f"cutoff must be a wavelength of 0 pixels or more, not {cutoff}")
        self.cutoff = float(cutoff)

    def shape_elements(self, height: int, width: int) -> int:
        return height * width

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        brightness = luma(frames)
        return (frames - brightness[:, None],), _packed(brightness)

    def encode_shape(self, frames: Tensor) -> Tensor:
        return _packed(luma(frames))

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        height, width = texture[0].shape[-2:]
        canvas = Canvas((height, width))
        change = torch.fft.rfft2(canvas.around(motion.view(-1, height, width)))
        factor = torch.as_tensor(alpha, dtype=torch.float32, device=shape.device).reshape(-1, 1, 1)
        borne = factor * _borne(self.cutoff, canvas, shape.device)
        total = torch.maximum(borne, factor.clamp(max=1.0))
        added = torch.fft.irfft2(change.mul_(total - 1), s=canvas.size)
        return shape + canvas.inside(added).reshape(motion.shape)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        (chroma,) = texture
        return chroma + shape.view(-1, 1, *chroma.shape[-2:])


def _packed(pictures: Tensor) -> Tensor:
    return pictures.flatten(1)[:, None, None]


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _borne(cutoff: float, canvas: Canvas, device: torch.device) -> Tensor:
    """The share of alpha that each frequency of a canvas bears, (h, w // 2 + 1).

    It is min(1, wavelength / cutoff), and 0 for the mean brightness.
    """
    height, width = canvas.size
    down, across = frequencies(height, height), frequencies(width, width, half=True)
    radius = torch.hypot(down[:, None], across)  # of 1 cycle in 2 pixels
    share = (2 / (radius.clamp(min=1e-9) * max(cutoff, 1e-9))).clamp(max=1.0)
    return (share * (radius > 0)).to(device)
