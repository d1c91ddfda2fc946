"""The complex steerable pyramid: phases of oriented bands."""

import math

import numpy as np
import pytest
import torch

from magnify.errors import SettingsError
from magnify.models.steerable import KINDS, Spacing, Steerable
from magnify.motion.registration import displacement
from support.waves import luma, texture, wave

MIDDLE = slice(40, -40)


@pytest.fixture(params=KINDS)
def spacing(request: pytest.FixtureRequest) -> Spacing:
    spacing: Spacing = request.param
    return spacing


@pytest.mark.parametrize("alpha", [0.0, 10.0, 20.0])
def test_a_sway_is_magnified_alpha_times(spacing: Spacing, alpha: float) -> None:
    reference, frame = texture(144, 176), texture(144, 176, dx=0.2)
    magnified = Steerable(spacing)(reference, frame, alpha)
    inside = np.zeros((144, 176), bool)
    inside[24:-24, 24:-24] = True
    moved = displacement(luma(reference)[0].numpy(), luma(magnified)[0].numpy(), inside)
    assert moved.dx == pytest.approx(0.2 * alpha, rel=0.05, abs=0.03)
    assert moved.dy == pytest.approx(0, abs=0.01 * alpha + 0.02)


@torch.inference_mode()
def test_the_difference_is_the_phase_of_the_wave(spacing: Spacing) -> None:
    model = Steerable(spacing)
    shapes = [model.encode_shape(wave(128, 128, 12.0, dx=dx)) for dx in (0.0, 0.5)]
    motion = model.difference(shapes[1], shapes[0]).flatten()
    amplitude = shapes[1].view(-1, 2).norm(dim=1)
    phases = motion[amplitude.topk(500).indices]
    assert float(phases.median()) == pytest.approx(-2 * math.pi * 0.5 / 12, abs=0.01)


def test_the_difference_wraps(spacing: Spacing) -> None:
    model = Steerable(spacing)
    shapes = model.encode_shape(torch.rand(2, 3, 40, 40, generator=torch.manual_seed(0)))
    motion = model.difference(shapes[1:], shapes[:1])
    assert 3.0 < motion.abs().max() <= math.pi + 1e-6


@torch.inference_mode()
def test_summed_up_differences_follow_a_wave_beyond_its_half(spacing: Spacing) -> None:
    model = Steerable(spacing)
    frames = torch.cat([wave(128, 128, 16.0, dx=2.0 * step) for step in range(9)])
    textures, shapes = model.encode(frames)
    motion = model.difference(shapes[1:], shapes[:-1]).sum(0, keepdim=True)
    last = tuple(tensor[-1:] for tensor in textures)
    back = model.decode(last, model.manipulate(shapes[-1:], motion, 0.25, last))
    expected = wave(128, 128, 16.0, dx=4.0)
    assert luma(back - expected)[..., MIDDLE, MIDDLE].abs().max() < 0.02


def test_a_single_wave_moves_as_far_as_its_phase(spacing: Spacing) -> None:
    reference, frame = wave(128, 128, 16.0), wave(128, 128, 16.0, dx=0.5)
    moved = Steerable(spacing)(reference, frame, 5.0)
    expected = wave(128, 128, 16.0, dx=0.5 + 0.5 * 4 * KINDS[spacing].gain)
    assert luma(moved - expected)[..., MIDDLE, MIDDLE].abs().max() < 0.01


def test_bands_take_fewer_samples_than_an_overcomplete_pyramid() -> None:
    elements = {spacing: Steerable(spacing).shape_elements(180, 320) for spacing in KINDS}
    assert elements["octave"] < 4.1 * 180 * 320
    assert elements["half-octave"] < 8.2 * 180 * 320


def test_impossible_pyramids_are_refused() -> None:
    with pytest.raises(SettingsError, match="unknown pyramid 'third'; choose one of octave, half"):
        Steerable("third")  # type: ignore[arg-type]
    for orientations in (1, 9):
        with pytest.raises(SettingsError, match="orientations must be 2 to 8"):
            Steerable(orientations=orientations)


@torch.inference_mode()
def test_motion_is_more_anisotropic_than_noise(spacing: Spacing) -> None:
    model = Steerable(spacing)
    draw = torch.Generator().manual_seed(0)

    def anisotropy(swing: float) -> float:
        frames = torch.cat([texture(64, 80, swing * math.sin(t)) for t in range(5)])
        noisy = frames + 0.004 * torch.randn(frames.shape, generator=draw)
        shapes = model.encode_shape(noisy)
        found = model.anisotropy(model.difference(shapes, shapes[:1]), shapes, 64, 80)
        assert found.shape == (1, 1, model.shape_elements(64, 80))
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        energy = shapes[0].view(-1, 2).square().sum(1)  # where the texture is
        return float((found.flatten() * energy).sum() / energy.sum())

    still, swinging = anisotropy(0.0), anisotropy(0.5)
    assert swinging > 0.9
    assert swinging > still + 0.1
