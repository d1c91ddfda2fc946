"""What the classical methods share, and what every one of them must do."""

import pytest
import torch

from magnify.errors import SettingsError
from magnify.models import MagnificationModel
from magnify.models.linear import Linear
from magnify.models.pyramids import Canvas, Radial, fast_length, gaussian, smoothed
from magnify.models.riesz import Riesz
from magnify.models.steerable import Steerable
from support.waves import luma, texture

METHODS = {
    "linear": Linear(),
    "linear, all waves": Linear(cutoff=0),
    "riesz": Riesz(),
    "riesz, not smoothed": Riesz(phase_smoothing=0),
    "octave": Steerable("octave"),
    "half-octave": Steerable("half-octave"),
    "6 orientations": Steerable("octave", orientations=6, phase_smoothing=0),
}
SIZES = [(16, 16), (17, 40), (37, 53), (64, 96)]


@pytest.fixture(params=METHODS, ids=str)
def method(request: pytest.FixtureRequest) -> MagnificationModel:
    return METHODS[request.param]


def random_frames(count: int, height: int, width: int) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_factor_of_1_gives_the_frame_back(
    method: MagnificationModel, size: tuple[int, int]
) -> None:
    reference, frame = random_frames(2, *size).split(1)
    torch.testing.assert_close(method(reference, frame, 1.0), frame, rtol=0, atol=1e-5)


def test_a_still_scene_stays_still(method: MagnificationModel) -> None:
    frame = random_frames(1, 37, 53)
    torch.testing.assert_close(method(frame, frame, 100.0), frame, rtol=0, atol=1e-5)


def test_a_flat_frame_stays_flat(method: MagnificationModel) -> None:
    black, grey = torch.zeros(1, 3, 24, 24), torch.full((1, 3, 24, 24), 0.25)
    torch.testing.assert_close(method(black, black, 50.0), black, rtol=0, atol=1e-5)
    torch.testing.assert_close(method(black, grey, 50.0), grey, rtol=0, atol=1e-4)


def test_chroma_is_untouched(method: MagnificationModel) -> None:
    reference, frame = texture(48, 64), texture(48, 64, dx=0.3)
    change = method(reference, frame, 10.0) - frame
    assert change.abs().max() > 0.01
    torch.testing.assert_close(change, change[:, :1].expand_as(change), rtol=0, atol=1e-5)


def test_a_batch_equals_its_frames_one_by_one(method: MagnificationModel) -> None:
    reference = texture(48, 64)
    frames = torch.cat([texture(48, 64, dx) for dx in (0.1, -0.2, 0.3)])
    factors = torch.tensor([0.5, 3.0, 10.0]).reshape(3, 1, 1, 1)
    one_by_one = [
        method(reference, frame[None], float(factor))
        for frame, factor in zip(frames, factors, strict=True)
    ]
    together = method(reference, frames, factors)
    torch.testing.assert_close(together, torch.cat(one_by_one), rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_shapes_and_motions_are_packed(method: MagnificationModel, size: tuple[int, int]) -> None:
    frames = random_frames(2, *size)
    texture, shape = method.encode(frames)
    assert torch.equal(method.encode_shape(frames), shape)
    motion = method.difference(shape, shape[:1])
    assert motion.shape == (2, 1, 1, method.shape_elements(*size))
    assert shape.dtype == motion.dtype == torch.float32
    assert all(len(tensor) == 2 for tensor in texture)
    assert motion[0].abs().max() < 1e-6


def test_at_a_factor_of_0_the_motion_is_gone(method: MagnificationModel) -> None:
    reference, frame = texture(96, 128), texture(96, 128, dx=0.2)
    left = luma(method(reference, frame, 0.0) - reference)
    moved = luma(frame - reference)
    assert left.square().mean() < 0.3**2 * moved.square().mean()


@pytest.mark.parametrize("inference", [True, False], ids=["first", "second"])
def test_it_runs_with_and_without_gradients(method: MagnificationModel, inference: bool) -> None:
    size = (23, 29) if inference else (23, 31)
    frames = random_frames(2, *size)
    with torch.inference_mode(inference):
        before = method(frames[:1], frames, 5.0)
    with torch.inference_mode(not inference):
        assert torch.equal(method(frames[:1], frames, 5.0), before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_computes_the_same(method: MagnificationModel) -> None:
    reference, frame = texture(48, 64), texture(48, 64, dx=0.2)
    there = method(reference.cuda(), frame.cuda(), 10.0)
    torch.testing.assert_close(there.cpu(), method(reference, frame, 10.0), rtol=0, atol=1e-3)


@pytest.mark.parametrize("method_class", [Riesz, Steerable])
@pytest.mark.parametrize("sigma", [-1.0, 20.5, float("nan")])
def test_impossible_smoothing_is_refused(method_class: type, sigma: float) -> None:
    with pytest.raises(SettingsError, match="phase smoothing must be 0 to 20 pixels"):
        method_class(phase_smoothing=sigma)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_canvas_reflects_the_frame_and_gives_it_back(size: tuple[int, int]) -> None:
    picture = random_frames(1, *size)[:, 0]
    canvas = Canvas(size)
    around = canvas.around(picture)
    top, left = canvas.corner
    assert around.shape[-2:] == canvas.size
    assert all(side % 2 == 0 for side in canvas.size)
    assert min(top, left) >= 8
    assert torch.equal(canvas.inside(around), picture)
    assert torch.equal(around[:, top - 1], around[:, top + 1])


def test_fast_lengths() -> None:
    assert [fast_length(n) for n in (1, 7, 16, 33, 61, 385)] == [2, 8, 16, 36, 64, 400]


@pytest.mark.parametrize("radial", [Radial(1, 1.0), Radial(2, 0.75)], ids=str)
def test_bands_hold_everything_above_the_lowest(radial: Radial) -> None:
    radius = torch.linspace(0, 2**0.5, 500)
    count = radial.count(64, 200)
    assert count == 5 * radial.per_octave
    squares = [band.square() for band in radial.bands(radius, count)]
    held = torch.stack(squares).sum(0)
    high = radius >= radial.peak(count - 1)
    torch.testing.assert_close(held[high], torch.ones_like(held[high]))
    assert held[0] < 1e-12
    for number, band in enumerate(squares[1:], 1):
        assert band[radius > radial.reach(number)].max() < 1e-12


def test_smoothing_forgets_what_is_beyond_the_edges() -> None:
    taps = gaussian(1.5)
    assert sum(taps) == pytest.approx(1)
    maps = torch.ones(2, 9, 12)
    assert smoothed(maps, taps, gaussian(0)).amin() < 0.7
    ratio = smoothed(3 * maps, taps, taps) / smoothed(maps, taps, taps)
    torch.testing.assert_close(ratio, 3 * maps)


def test_a_point_is_smoothed_into_the_taps() -> None:
    down, across = gaussian(1.5), gaussian(1)
    point = torch.zeros(1, len(down), len(across))
    point[0, len(down) // 2, len(across) // 2] = 1
    expected = torch.outer(torch.tensor(down), torch.tensor(across))
    torch.testing.assert_close(smoothed(point, down, across)[0], expected)
