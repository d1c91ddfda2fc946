"""The authors' own band-pass outputs, from their TensorFlow graph and weights.

Their FIR output has none: it is rebuilt on the last frame's shape and wraps around the clip's
ends. Ours is compared with SciPy on the whole clip instead.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from checkpoint_samples import shared_file
from magnify.checkpoints import load_model
from magnify.models import MagnificationModel
from magnify.temporal.passband import Passband
from magnify.temporal.settings import Butterworth, DifferenceOfIir, TemporalFilter
from magnify.temporal.spool import Storage

ALPHA = 20
CHUNK = 5


@pytest.fixture(scope="module")
def model() -> MagnificationModel:
    return load_model(shared_file("reference/checkpoints/lbvmm-tf"))


@pytest.fixture(scope="module")
def goldens() -> dict[str, NDArray[np.uint8]]:
    with np.load(shared_file("reference/goldens/lbvmm_tf_official.npz")) as archive:
        return dict(archive)


@torch.inference_mode()
def magnified(
    model: MagnificationModel, temporal_filter: TemporalFilter, frames: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Frames (T, H, W, 3) → magnified ones, truncated to uint8 as the authors do."""
    low, high = model.value_range
    operator = temporal_filter.operator(Storage(0))
    chunks = []
    for pictures in torch.from_numpy(frames).split(CHUNK):
        texture, shape = model.encode(low + (high - low) * pictures.permute(0, 3, 1, 2) / 255)
        shape = model.manipulate(shape, operator.feed(shape), ALPHA)
        chunks.append(model.decode(texture, shape))
    levels = ((torch.cat(chunks) - low) / (high - low) * 255).clamp(0, 255)
    return levels.permute(0, 2, 3, 1).to(torch.uint8).numpy()


@pytest.mark.parametrize(
    ("name", "temporal_filter"),
    [
        ("butter_20_0.5_2.0_fs10_n2", Butterworth(Passband(0.5, 2.0, 10), order=2)),
        ("diffiir_20_0.04_0.4_fs30", DifferenceOfIir(0.04, 0.4)),
    ],
)
def test_the_authors_outputs_within_one_level(
    name: str,
    temporal_filter: TemporalFilter,
    model: MagnificationModel,
    goldens: dict[str, NDArray[np.uint8]],
) -> None:
    golden = goldens[name]
    output = magnified(model, temporal_filter, goldens["frames"])
    assert output.shape == golden.shape
    difference = np.abs(output.astype(int) - golden.astype(int))
    assert difference.max() <= 1
    assert np.mean(difference > 0) <= 1e-4
