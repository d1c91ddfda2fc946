"""What can be evaluated: a network, and the two baselines that need none."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.checkpoints import DEFAULT_MODEL
from magnify.engine.choices import Precision
from magnify.errors import SettingsError
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.prepare import Engine, load_engine
from magnify.video import Picture

Method: TypeAlias = Callable[[Picture, float, NDArray[np.float32] | None], Picture]
"""Pictures (T, H, W, 3), alpha, and the truth in levels of 255 where it is known → magnified
pictures. Only the oracle looks at the truth."""


def nothing(pictures: Picture, alpha: float, truth: NDArray[np.float32] | None) -> Picture:
    """Gives the input as it is: what every network must beat."""
    return pictures


def oracle(pictures: Picture, alpha: float, truth: NDArray[np.float32] | None) -> Picture:
    """Gives the truth, rounded: the best that any network could reach.

    Raises:
        SettingsError: the truth is not known.
    """
    if truth is None:
        raise SettingsError("the oracle knows the truth of synthetic videos only, not of a clip")
    return truth.round().clip(0, 255).astype(np.uint8)


def network(engine: Engine) -> Method:
    """Makes a method of a network: static mode from the first frame on, run as users run it."""

    def magnify(pictures: Picture, alpha: float, truth: NDArray[np.float32] | None) -> Picture:
        return magnify_frames(pictures, alpha=alpha, weights=engine)

    return magnify


BASELINES: dict[str, Method] = {"nothing": nothing, "oracle": oracle}


def load_method(
    model: str | None, weights: Path | None, device: str, precision: Precision
) -> tuple[Method, dict[str, str]]:
    """Loads a baseline or network by name, or a checkpoint file; says what it is, for reports.

    Raises:
        SettingsError: both a name and a file are given, or the device does not exist.
        CheckpointError: the weights cannot be read or recognised.
    """
    if model is not None and weights is not None:
        raise SettingsError("--model and --weights exclude each other; give one of them")
    if model in BASELINES:
        return BASELINES[model], {"model": model}
    engine = load_engine(weights or model or DEFAULT_MODEL, device, precision)
    runtime = engine.network.runtime
    return network(engine), {
        "model": engine.model,
        "weights": str(weights or model or DEFAULT_MODEL),
        "weights_sha256": engine.sha256 or "",
        "device": str(runtime.device),
        "precision": runtime.precision,
    }
