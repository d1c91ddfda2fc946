"""What a short number format costs in quality: pictures in it beside those in float32."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from magnify.lab.evaluation import Method, excerpt, levels, psnr


@dataclass(frozen=True)
class PrecisionCost:
    """How far pictures in a short format are from those in float32, at one factor.

    Attributes:
        alpha: the magnification factor.
        worst, mean: over the frames, PSNR in dB.
    """

    alpha: float
    worst: float
    mean: float


def precision_cost(
    exact: Method, short: Method, clip: Path, alphas: Sequence[float], frames: int
) -> Iterator[PrecisionCost]:
    """Magnifies frames spread over a clip with one network in both formats, at each alpha.

    Raises:
        SettingsError: the clip has fewer than two frames.
        VideoError: the clip cannot be read.
    """
    pictures = excerpt(clip, frames)
    for alpha in alphas:
        expected, output = (levels(method(pictures, alpha, None)) for method in (exact, short))
        decibels = psnr(output, expected)
        yield PrecisionCost(alpha, float(decibels.min()), float(decibels.mean()))
