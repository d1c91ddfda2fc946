"""The authors' own outputs, from their TensorFlow graph and weights, in every mode.

Their FIR output has none: it is rebuilt on the last frame's shape and wraps around the clip's
ends. Ours is compared with SciPy on the whole clip instead.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.checkpoints import load_model
from magnify.models import MagnificationModel
from magnify.temporal.change import PLAIN
from magnify.temporal.operators import Operator, SincePrevious, SinceReference
from magnify.temporal.passband import Passband
from magnify.temporal.settings import Butterworth, DifferenceOfIir
from magnify.temporal.spool import Storage
from support.checkpoint_samples import shared_file

CHUNK = 5

OperatorFor = Callable[[Tensor], Operator]
"""From the shape of the first frame to a mode's operator."""


@pytest.fixture(scope="module")
def model() -> MagnificationModel:
    return load_model(shared_file("reference/checkpoints/lbvmm-tf"))


@pytest.fixture(scope="module")
def goldens() -> dict[str, NDArray[np.uint8]]:
    with np.load(shared_file("reference/goldens/lbvmm_tf_official.npz")) as archive:
        return dict(archive)


@torch.inference_mode()
def magnified(
    model: MagnificationModel, operator_for: OperatorFor, alpha: float, frames: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Frames (T, H, W, 3) → magnified ones, truncated to uint8 as the authors do."""
    low, high = model.value_range
    pictures = low + (high - low) * torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    operator = operator_for(model.encode_shape(pictures[:1]))
    chunks = []
    for chunk in pictures.split(CHUNK):
        texture, shape = model.encode(chunk)
        shape = model.manipulate(shape, operator.feed(shape), alpha, texture)
        chunks.append(model.decode(texture, shape))
    levels = ((torch.cat(chunks) - low) / (high - low) * 255).clamp(0, 255)
    return levels.permute(0, 2, 3, 1).to(torch.uint8).numpy()


@pytest.mark.parametrize(
    ("name", "alpha", "operator_for"),
    [
        ("static_10", 10, SinceReference),
        ("dynamic_10", 10, lambda first: SincePrevious()),
        (
            "butter_20_0.5_2.0_fs10_n2",
            20,
            lambda first: Butterworth(2).operator(Passband(0.5, 2.0, 10), Storage(0), PLAIN),
        ),
        (
            "diffiir_20_0.04_0.4_fs30",
            20,
            lambda first: DifferenceOfIir((0.04, 0.4)).operator(None, Storage(0), PLAIN),
        ),
    ],
)
def test_the_authors_outputs_within_one_level(
    name: str,
    alpha: float,
    operator_for: OperatorFor,
    model: MagnificationModel,
    goldens: dict[str, NDArray[np.uint8]],
) -> None:
    golden = goldens[name]
    output = magnified(model, operator_for, alpha, goldens["frames"])
    assert output.shape == golden.shape
    difference = np.abs(output.astype(int) - golden.astype(int))
    assert difference.max() <= 1
    assert np.mean(difference > 0) <= 1e-4
