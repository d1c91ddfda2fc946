"""The networks against the published ones, by formula goldens: no weight file is needed."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.models import MagnificationModel, fd4mm, lbvmm
from magnify.models.lbvmm import LBVMM
from support.formula import BY_NAME, formula_model

GOLDENS = Path(__file__).parents[1] / "data" / "formula_goldens.npz"


MODELS = {
    "fd4mm": "fd4mm",
    "lbvmm_tf": "lbvmm-official",
    "lbvmm_zhengpeng7": "lbvmm-zhengpeng7",
    "lbvmm_cgst": "lbvmm-cgst",
}


@pytest.fixture(scope="module")
def goldens() -> dict[str, NDArray[np.float32]]:
    with np.load(GOLDENS) as archive:
        return dict(archive)


def model_frames(frames: NDArray[np.uint8], model: MagnificationModel) -> Tensor:
    low, high = model.value_range
    pixels = torch.from_numpy(np.asarray(frames)).permute(0, 3, 1, 2).float() / 255
    return low + (high - low) * pixels


def relative_difference(output: Tensor, golden: NDArray[np.float32]) -> float:
    if golden.shape != tuple(output.shape):
        output = output.permute(0, 2, 3, 1)
    expected = torch.from_numpy(golden)
    assert output.shape == expected.shape
    return float((output - expected).norm() / expected.norm())


@pytest.mark.parametrize(
    ("golden", "alpha"),
    [
        ("fd4mm_alpha1", 1),
        ("fd4mm_alpha10", 10),
        ("fd4mm_alpha50", 50),
        ("lbvmm_tf_alpha10", 10),
        ("lbvmm_zhengpeng7_alpha10", 10),
        ("lbvmm_cgst_alpha10", 10),
    ],
)
@torch.inference_mode()
def test_magnified_frames_equal_the_published_network(
    goldens: dict[str, NDArray[np.float32]], golden: str, alpha: float
) -> None:
    model = formula_model(BY_NAME[MODELS[golden.rsplit("_", 1)[0]]])
    frames = model_frames(goldens["frames"].astype(np.uint8), model)
    output = model(frames[:1], frames, alpha)
    assert relative_difference(output, goldens[golden]) < 1e-4


@pytest.mark.parametrize("name", ["fd4mm", "lbvmm-magnify"])
def test_pictures_are_the_same_while_gradients_are_kept(
    goldens: dict[str, NDArray[np.float32]], name: str
) -> None:
    model = formula_model(BY_NAME[name])
    frames = model_frames(goldens["frames"].astype(np.uint8), model)
    trained = model(frames[:1], frames, 10)
    assert trained.requires_grad
    with torch.inference_mode():
        magnified = model(frames[:1], frames, 10)
    assert relative_difference(trained.detach(), magnified.numpy()) < 1e-4


@pytest.mark.parametrize("size", [(8, 12), (6, 5)])
def test_gradients_of_dilated_convolutions_and_of_maxima(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4).double()
    x = torch.randn(3, 4, *size, dtype=torch.float64, requires_grad=True)
    inputs = (x, conv.weight, conv.bias)
    plain = torch.autograd.grad(conv(x).sin().sum(), inputs)
    ours = torch.autograd.grad(fd4mm.dilated(conv, x).sin().sum(), inputs)
    torch.testing.assert_close(ours, plain)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), value=-torch.inf)
    plain_maximum = padded.unfold(2, 3, 1).unfold(3, 3, 1).amax(dim=(4, 5))
    maximum = fd4mm.neighbourhood_maximum(x)
    assert torch.equal(maximum, plain_maximum)
    gradients = [torch.autograd.grad(y.sin().sum(), x) for y in (maximum, plain_maximum)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("golden", "name"), [("fd4mm_low", "fd4mm"), ("lbvmm_tf_shape", "lbvmm_tf")]
)
@torch.inference_mode()
def test_shape_representation_equals_the_published_network(
    goldens: dict[str, NDArray[np.float32]], golden: str, name: str
) -> None:
    model = formula_model(BY_NAME[MODELS[name]])
    frames = model_frames(goldens["frames"].astype(np.uint8), model)
    _, shape = model.encode(frames)
    assert relative_difference(shape, goldens[golden]) < 1e-4
    assert torch.equal(model.encode_shape(frames), shape)


@pytest.mark.parametrize(
    "variant", [lbvmm.OFFICIAL, lbvmm.ZHENGPENG7, lbvmm.CGST, lbvmm.POSTECH, lbvmm.MAGNIFY]
)
@torch.inference_mode()
def test_a_pixel_is_not_seen_beyond_the_receptive_radius(variant: lbvmm.Variant) -> None:
    torch.manual_seed(0)
    model = LBVMM(variant).double().eval()
    radius = model.receptive_radius
    centre = radius + 9
    size = -(-2 * centre // model.stride) * model.stride
    frames = torch.rand(1, 3, size, size, dtype=torch.float64)
    changed = frames.clone()
    changed[..., centre, centre] += 1
    difference = model(frames, changed, 5.0) - model(frames, frames, 5.0)
    rows, columns = difference.abs().amax(dim=(0, 1)).nonzero().unbind(dim=1)
    reach = max(int((rows - centre).abs().max()), int((columns - centre).abs().max()))
    assert radius - 2 <= reach <= radius
