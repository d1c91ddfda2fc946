"""What a short number format costs in quality: pictures in it beside those in float32."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from magnify.evaluation import excerpt, levels, psnr
from magnify.pipeline import load_engine, magnify_frames


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
    weights: str | Path,
    clip: Path,
    alphas: Sequence[float],
    frames: int,
    device: str = "auto",
    precision: Literal["bf16", "fp16"] = "bf16",
) -> Iterator[PrecisionCost]:
    """Magnifies frames spread over a clip in both formats: static mode, against the first of them.

    Raises:
        SettingsError: the device does not exist or cannot compute in that precision, or the clip
            has fewer than two frames.
        CheckpointError: the weights cannot be read or recognised.
        VideoError: the clip cannot be read.
    """
    engines = [load_engine(weights, device, name, compile="off") for name in ("fp32", precision)]
    pictures = excerpt(clip, frames)
    for alpha in alphas:
        exact, short = (
            levels(magnify_frames(pictures, alpha=alpha, weights=engine)) for engine in engines
        )
        decibels = psnr(short, exact)
        yield PrecisionCost(alpha, float(decibels.min()), float(decibels.mean()))
