"""Quick: a linear shape, displacements solved for, pixels moved, and nothing without motion."""

import numpy as np
import pytest
import torch

import magnify
from magnify.models.quick import Quick, moved
from magnify.motion.registration import displacement
from magnify.pipeline.prepare import load_engine
from support.moving import filmed, texture

SIZE = (96, 128)
INSIDE = np.zeros(SIZE, bool)
INSIDE[20:-20, 20:-20] = True


def frames(*shifts: float) -> torch.Tensor:
    pictures = [filmed(texture(shift, size=SIZE)) for shift in shifts]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def seen(before: torch.Tensor, after: torch.Tensor) -> float:
    """How far the second frame lies right of the first, in pixels."""
    pair = [((f[0].permute(1, 2, 0) + 1) * 127.5).numpy() for f in (before, after)]
    levels = [picture.round().clip(0, 255).astype(np.uint8) for picture in pair]
    return displacement(*levels, INSIDE, reach=8).dx


@torch.inference_mode()
def test_the_shape_is_linear_and_blind_to_brightness() -> None:
    model = Quick()
    one, other = torch.rand(2, 1, 3, 32, 40) * 2 - 1
    mixed = model.encode_shape(0.3 * one + 0.6 * other + 0.05)
    expected = 0.3 * model.encode_shape(one) + 0.6 * model.encode_shape(other)
    torch.testing.assert_close(mixed, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("shift", "alpha"), [(0.02, 50.0), (0.1, 20.0), (0.5, 4.0), (-0.2, 10.0)])
@torch.inference_mode()
def test_untrained_it_shows_what_it_solves_for(shift: float, alpha: float) -> None:
    torch.manual_seed(0)
    model = Quick()
    before, after = frames(0.0, shift).split(1)
    assert seen(before, model(before, after, alpha)) == pytest.approx(alpha * shift, rel=0.1)


@pytest.mark.parametrize(("shift", "alpha"), [(0.2, 5.0), (0.2, 20.0), (0.02, 50.0), (0.02, 200.0)])
@torch.inference_mode()
def test_it_has_learnt_to_keep_that(shift: float, alpha: float) -> None:
    model = load_engine("quick", "cpu", "fp32").network.model
    before, after = frames(0.0, shift).split(1)
    assert seen(before, model(before, after, alpha)) == pytest.approx(alpha * shift, rel=0.1)


@torch.inference_mode()
def test_a_factor_of_0_takes_motion_away() -> None:
    model = load_engine("quick", "cpu", "fp32").network.model
    before, after = frames(0.0, 0.2).split(1)
    assert 0 <= seen(before, model(before, after, 0.0)) < 0.6 * 0.2


@torch.inference_mode()
def test_a_factor_of_1_gives_the_frame_back() -> None:
    model = load_engine("quick", "cpu", "fp32").network.model
    before, after = frames(0.0, 3.0).split(1)
    assert (model(before, after, 1.0) - after).abs().max() < 1e-3


@torch.inference_mode()
def test_pixels_are_moved_by_the_flow() -> None:
    picture = torch.rand(1, 3, 24, 32)
    flow = torch.stack((torch.full((24, 32), 2.0), torch.full((24, 32), -3.0)))[None]
    shifted = moved(picture, flow)
    torch.testing.assert_close(shifted[..., 2:, :-3], picture[..., :-2, 3:], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_tiles_equal_the_whole_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (1, 400, 24, 3), dtype=np.uint8)
    pictures = torch.from_numpy(np.concatenate((np.roll(noise, 1, axis=1), noise)))
    network = load_engine("quick", "cpu", "fp32").network

    def magnified() -> torch.Tensor:
        reference = network.encode_shape(pictures[:1])
        parts, shape = network.encode(pictures[1:])
        return network.decode(parts, shape, shape - reference, 5.0, like=pictures[1:]).float()

    whole = magnified()
    monkeypatch.setattr(network, "_tile_rows", {(400, 24): 40})
    assert (magnified() - whole).abs().max() <= 1
    radii = network.model.stage_radii
    assert radii is not None
    monkeypatch.setattr(network.model, "stage_radii", (radii[0], radii[1] // 4), raising=False)
    assert (magnified() - whole).abs().max() > 1


def test_a_band_is_shown_and_the_rest_left() -> None:
    times = np.arange(48) / 24
    inside, outside = 0.1 * np.sin(2 * np.pi * 3 * times), 0.3 * np.sin(2 * np.pi * 9 * times)
    clip = np.stack([filmed(texture(dx, size=SIZE)) for dx in inside + outside])
    made = magnify.magnify_frames(
        clip, alpha=20.0, mode=magnify.Bandpass(2, 4.5), weights="quick", fps=24
    )
    still = filmed(texture(0.0, size=SIZE))
    chosen = slice(12, 36)
    found = np.array([displacement(still, p, INSIDE, reach=8).dx for p in made[chosen]])
    waves = np.stack([inside[chosen] / 0.1, outside[chosen] / 0.3], axis=1)
    (shown, left), *_ = np.linalg.lstsq(waves, found, rcond=None)
    assert shown == pytest.approx(2.0, rel=0.1)
    assert left == pytest.approx(0.3, rel=0.2)
