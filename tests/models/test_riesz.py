"""The Riesz pyramid: phases of waves of any direction."""

import math

import numpy as np
import pytest
import torch

from magnify.models.riesz import GAIN, Riesz
from magnify.motion.registration import displacement
from support.waves import luma, texture, wave

MIDDLE = slice(40, -40)


@pytest.mark.parametrize("alpha", [0.0, 10.0, 20.0])
def test_a_sway_is_magnified_alpha_times(alpha: float) -> None:
    reference, frame = texture(144, 176), texture(144, 176, dx=0.2)
    magnified = Riesz()(reference, frame, alpha)
    inside = np.zeros((144, 176), bool)
    inside[24:-24, 24:-24] = True
    moved = displacement(luma(reference)[0].numpy(), luma(magnified)[0].numpy(), inside)
    assert moved.dx == pytest.approx(0.2 * alpha, rel=0.05, abs=0.03)
    assert moved.dy == pytest.approx(0, abs=0.01 * alpha + 0.02)


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0, -1.0])
@torch.inference_mode()
def test_the_difference_is_the_phase_along_the_wave(angle: float) -> None:
    model = Riesz(phase_smoothing=0)
    reference = wave(128, 128, 12.0, angle=angle)
    frame = wave(128, 128, 12.0, dx=0.5, angle=angle)
    motion = model.difference(model.encode_shape(frame), model.encode_shape(reference))
    right, down = motion.view(2, -1)
    strongest = model.encode_shape(frame).view(3, -1).square().sum(0).topk(2000).indices
    phase = -2 * math.pi * 0.5 / 12
    assert float(right[strongest].median()) == pytest.approx(phase * math.cos(angle), abs=0.01)
    assert float(down[strongest].median()) == pytest.approx(phase * math.sin(angle), abs=0.01)


def test_the_difference_is_an_angle_of_at_most_pi() -> None:
    model = Riesz()
    shapes = model.encode_shape(torch.rand(2, 3, 40, 40, generator=torch.manual_seed(0)))
    lengths = model.difference(shapes[1:], shapes[:1]).view(2, -1).norm(dim=0)
    assert 3.0 < lengths.max() <= math.pi + 1e-5


@torch.inference_mode()
def test_summed_up_differences_follow_a_wave_beyond_its_half() -> None:
    model = Riesz()
    frames = torch.cat([wave(128, 128, 16.0, dx=2.0 * step) for step in range(9)])
    textures, shapes = model.encode(frames)
    motion = model.difference(shapes[1:], shapes[:-1]).sum(0, keepdim=True)
    last = tuple(tensor[-1:] for tensor in textures)
    back = model.decode(last, model.manipulate(shapes[-1:], motion, 0.25, last))
    expected = wave(128, 128, 16.0, dx=4.0)
    assert luma(back - expected)[..., MIDDLE, MIDDLE].abs().max() < 0.02


def test_a_single_wave_moves_as_far_as_its_phase() -> None:
    reference, frame = wave(128, 128, 16.0), wave(128, 128, 16.0, dx=0.5)
    moved = Riesz()(reference, frame, 5.0)
    expected = wave(128, 128, 16.0, dx=0.5 + 0.5 * 4 * GAIN)
    assert luma(moved - expected)[..., MIDDLE, MIDDLE].abs().max() < 0.01
