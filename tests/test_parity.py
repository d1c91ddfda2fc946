"""The authors' own outputs, from their TensorFlow graph and weights."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from checkpoint_samples import shared_file
from magnify.checkpoints import load_model
from magnify.models import MagnificationModel

ALPHA = 10
CHUNK = 4


@pytest.fixture(scope="module")
def model() -> MagnificationModel:
    return load_model(shared_file("reference/checkpoints/lbvmm-tf"))


@pytest.fixture(scope="module")
def goldens() -> dict[str, NDArray[np.uint8]]:
    with np.load(shared_file("reference/goldens/lbvmm_tf_official.npz")) as archive:
        return dict(archive)


@torch.inference_mode()
def magnified(model: MagnificationModel, reference: Tensor, query: Tensor) -> NDArray[np.uint8]:
    """uint8 frames (T, H, W, 3) → magnified ones, truncated to uint8 as the authors do."""
    low, high = model.value_range

    def network_range(frames: Tensor) -> Tensor:
        return low + (high - low) * frames.permute(0, 3, 1, 2) / 255

    output = torch.cat(
        [
            model(network_range(a), network_range(b), ALPHA)
            for a, b in zip(reference.split(CHUNK), query.split(CHUNK), strict=True)
        ]
    )
    levels = ((output - low) / (high - low) * 255).clamp(0, 255)
    return levels.permute(0, 2, 3, 1).to(torch.uint8).numpy()


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_the_authors_outputs_within_one_level(
    mode: str, model: MagnificationModel, goldens: dict[str, NDArray[np.uint8]]
) -> None:
    frames = torch.from_numpy(goldens["frames"])
    previous = torch.cat((frames[:1], frames[:-1]))
    reference = frames[:1].expand_as(frames) if mode == "static" else previous
    output = magnified(model, reference, frames)
    golden = goldens[f"{mode}_10"]
    assert output.shape == golden.shape
    difference = np.abs(output.astype(int) - golden.astype(int))
    assert difference.max() <= 1
    assert np.mean(difference > 0) <= 1e-4
