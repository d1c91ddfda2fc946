"""Measures how near a magnified video is to the truth, a few frames at a time."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import Method
from magnify.lab.evaluation.quality import Levels, RunningDeviation, psnr, ssim
from magnify.motion.registration import REACH, Mask, TextureError, displacement
from magnify.video import Picture

LEAST_MOTION = 0.05
"""Pixels: of shorter true displacements, the registration's error would be much of the gain."""
MARGIN = 3
"""Pixels between an edge and what counts as moving or still beside it."""
CHUNK = 8
"""Frames that are magnified at once, each time with the reference before them."""


@dataclass(frozen=True)
class Fidelity:
    """What was measured against the truth. Frame 0, the reference, is left out.

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
    """Averages one case's scores over its scenes; None where no scene has a value."""

    def of(name: str) -> Any:
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        if name in ("scenes", "gain_scenes"):
            return sum(values)
        return float(np.mean(values)) if values else None

    return type(scores[0])(**{field.name: of(field.name) for field in fields(scores[0])})


class KnownVideo(Protocol):
    """A test video, and what it should become when its motion is magnified by `alpha`."""

    @property
    def alpha(self) -> float: ...

    def moving(self) -> Mask:
        """Finds where frame 0 shows what moves and no frame hides it: (H, W)."""
        ...

    def frames(self) -> Generator[tuple[Picture, Levels, NDArray[np.float64]], None, None]:
        """Gives each frame's input (H, W, 3), truth (H, W, 3) and true displacement (2,).

        Displacements are in pixels right and down since frame 0, which input and truth share.
        """
        ...


def compare(
    method: Method,
    video: KnownVideo,
    lpips: Lpips | None = None,
    watch: Callable[[Picture, Picture], None] = lambda pictures, output: None,
) -> Fidelity:
    """Magnifies a test video, a few frames at a time, and compares it with the truth.

    Args:
        lpips: measures the perceptual distance, too.
        watch: is shown the next input and output, (T, H, W, 3) each; every frame once.
    """
    with closing(video.frames()) as frames:
        reference, truth_at_rest, _ = next(frames)
        comparison = Comparison(truth_at_rest, video.moving(), lpips)
        seen = 0
        while chunk := list(islice(frames, CHUNK)):
            inputs, truth, moved = (np.stack(part) for part in zip(*chunk, strict=True))
            pictures = np.stack([reference, *inputs])
            levels = np.stack([truth_at_rest, *truth]).astype(np.float32)
            output = method(pictures, video.alpha, levels)
            comparison.feed(output[1:], truth, moved)
            watch(pictures[seen:], output[seen:])
            seen = 1
    return comparison.fidelity()


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
        """Takes the next frames, (T, H, W, 3) each, and their true displacements (T, 2).

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
        """Sums up the frames so far, two or more."""
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
