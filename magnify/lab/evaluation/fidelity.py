"""How near a magnified video is to the truth, measured while its frames come."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.quality import Levels, RunningDeviation, psnr, ssim
from magnify.motion.registration import REACH, Mask, TextureError, displacement
from magnify.video import Picture

LEAST_MOTION = 0.05
"""Pixels: of shorter true displacements, the registration's error would be much of the gain."""


@dataclass(frozen=True)
class Fidelity:
    """What was measured against the truth; frame 0, the reference, is left out.

    Attributes:
        ssim: mean of red, green and blue.
        psnr: in dB, 100 for identical pictures.
        lpips: perceptual distance; None without LPIPS's weights.
        gain: measured displacement over the true one, by registration of what moves against
            frame 0 of the truth. None where too little of the picture moves, or what moves has no
            texture, or none left; a mean over scenes leaves it out.
        gain_scenes: how many scenes the gain is the mean of.
        flicker: temporal standard deviation of the error, luma, whole picture.
        scenes: how many scenes all the rest is the mean of.
    """

    ssim: float
    psnr: float
    lpips: float | None
    gain: float | None
    gain_scenes: int
    flicker: float
    scenes: int


AnyFidelity = TypeVar("AnyFidelity", bound=Fidelity)


def mean(scores: Sequence[AnyFidelity]) -> AnyFidelity:
    """Of one case's scores, over its scenes; None where no scene has a value."""

    def of(name: str) -> Any:
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        if name in ("scenes", "gain_scenes"):
            return sum(values)
        return float(np.mean(values)) if values else None

    return type(scores[0])(**{field.name: of(field.name) for field in fields(scores[0])})


class Comparison:
    """Compares the frames of one magnified video with the truth, in memory for a few frames.

    Args:
        reference: frame 0 of the truth, (H, W, 3) in grey levels.
        moving: (H, W), where it shows what moves and no frame hides it, wherever it goes.
        lpips: measures the perceptual distance too.
    """

    def __init__(self, reference: Levels, moving: Mask, lpips: Lpips | None = None) -> None:
        self._reference, self._moving, self._lpips = reference, moving, lpips
        self._frames = 0
        self._ssim = self._psnr = self._distance = 0.0
        self._measurable = bool(moving.any())
        self._along = self._square = 0.0
        self._error = RunningDeviation()

    def feed(self, output: Picture, truth: Levels, moved: NDArray[np.float64]) -> None:
        """The next frames, (T, H, W, 3) each, and their true displacements (T, 2), right and down.

        The gain counts displacements from `LEAST_MOTION` to the registration's reach.
        """
        self._frames += len(output)
        self._ssim += float(ssim(output, truth).sum())
        self._psnr += float(psnr(output, truth).sum())
        if self._lpips is not None:
            self._distance += float(self._lpips(output, truth).sum())
        self._error.feed(output - truth.astype(float))
        for picture, expected in zip(output, moved, strict=True):
            if self._measurable and LEAST_MOTION <= np.hypot(*expected) < REACH:
                self._register(picture, expected)

    def _register(self, picture: Picture, expected: NDArray[np.float64]) -> None:
        try:
            measured = displacement(self._reference, picture, self._moving)
        except TextureError:
            self._measurable = False
            return
        self._along += float(np.dot(measured, expected))
        self._square += float(np.dot(expected, expected))

    def fidelity(self) -> Fidelity:
        """What the frames so far, two or more, come to."""
        # The slope of the measured displacements over the true ones, least squares.
        gain = self._along / self._square if self._measurable and self._square else None
        return Fidelity(
            ssim=self._ssim / self._frames,
            psnr=self._psnr / self._frames,
            lpips=None if self._lpips is None else self._distance / self._frames,
            gain=gain,
            gain_scenes=int(gain is not None),
            flicker=self._error.value().luma,
            scenes=1,
        )
