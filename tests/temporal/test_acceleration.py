"""Acceleration: proved on tones, on even motion, and on motion that is too large to be small."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from magnify.models.anisotropy import fractional_anisotropy
from magnify.temporal import filters
from magnify.temporal.acceleration import Bilateral, JerkAware
from magnify.temporal.anisotropic import Anisotropic
from magnify.temporal.operators import Fir, Operator

RATE, FREQUENCY = 240.0, 8.0
TAPS = filters.second_derivative(FREQUENCY, RATE)
JERK = filters.third_derivative(FREQUENCY, RATE)
PIXEL = torch.full((1, 1, 1), 0.5)
"""A shape that changes by this much where it moves by a pixel."""


def spread(motions: Tensor, shapes: Tensor) -> Tensor:
    """Stands for a model's anisotropy: it depends on every frame that it is given."""
    assert len(motions) == len(shapes) <= 5
    return 0.8 + 0.05 * torch.tanh(motions.std(0, correction=0) + shapes.mean(0))


MAKES: list[Callable[[], Operator]] = [
    lambda: Fir(TAPS),
    lambda: Bilateral(TAPS, 1.0 * PIXEL),
    lambda: JerkAware(TAPS, JERK, PIXEL, 0.5),
    lambda: Anisotropic(Fir(TAPS), 5, spread),
]


def signal(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values)).float().reshape(-1, 1, 1, 1)


def sway(pixels: float, frames: int = 480) -> np.ndarray:
    return 0.5 * pixels * np.sin(2 * np.pi * FREQUENCY * np.arange(frames) / RATE)


def motion(operator: Operator, shape: Tensor, chunk: int = 1000) -> np.ndarray:
    parts = [operator.feed(part) for part in shape.split(chunk)]
    return torch.cat([*parts, *operator.flush()]).flatten().numpy()


@pytest.mark.parametrize("frequency", [3.0, 8.0, 20.0])
def test_the_gain_is_one_at_the_frequency_and_nowhere_larger(frequency: float) -> None:
    taps = filters.second_derivative(frequency, RATE)
    tones = np.linspace(0.0, RATE / 2, 4000)
    reach = len(taps) // 2
    phases = np.exp(2j * np.pi * np.outer(tones, np.arange(-reach, reach + 1)) / RATE)
    gains = np.abs(phases @ taps)
    assert gains.max() == pytest.approx(1.0, abs=2e-3)
    assert tones[gains.argmax()] == pytest.approx(frequency, rel=0.02)
    assert gains[0] < 1e-12


@pytest.mark.parametrize("make", MAKES)
def test_small_motion_comes_back_as_it_is(make: Callable[[], Operator]) -> None:
    moved = sway(0.1)
    middle = slice(len(TAPS), -len(TAPS))
    found = motion(make(), signal(moved))[middle]
    gain = found @ moved[middle] / (moved[middle] @ moved[middle])
    assert 0.6 < gain < 1.02  # bilateral and jerk-aware weigh it a little
    if isinstance(make(), Fir):
        assert found == pytest.approx(moved[middle], abs=1e-4)


@pytest.mark.parametrize("make", MAKES)
def test_even_motion_however_far_is_no_acceleration(make: Callable[[], Operator]) -> None:
    even = 0.5 * 0.7 * np.arange(480)  # 0.7 pixels a frame
    middle = slice(len(TAPS), -len(TAPS))
    assert np.abs(motion(make(), signal(even))[middle]).max() < 1e-3
    both = motion(Fir(TAPS), signal(even + sway(0.1)))[middle]
    assert both == pytest.approx(sway(0.1)[middle], abs=1e-3)


def test_a_jump_rings_less_where_it_is_weighted() -> None:
    jump = np.where(np.arange(480) < 240, 0.0, 0.5 * 10)  # ten pixels at once
    near = slice(210, 270)
    plain, bilateral, jerk_aware = (
        motion(make(), signal(jump + sway(0.1)))[near].std() for make in MAKES[:3]
    )
    assert plain > 0.5
    assert bilateral < 0.1 * plain
    assert jerk_aware < 0.85 * plain


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("chunk", [1, 7])
def test_streaming_equals_the_whole_clip(make: Callable[[], Operator], chunk: int) -> None:
    shape = signal(np.random.default_rng(0).normal(size=200))
    whole = motion(make(), shape)
    assert len(whole) == 200
    assert motion(make(), shape, chunk) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_clip_shorter_than_the_kernel_gives_as_many_frames(frames: int) -> None:
    for make in MAKES:
        assert len(motion(make(), signal(np.arange(frames)))) == frames


def test_anisotropy_is_that_of_the_frames_around() -> None:
    shape = signal(np.random.default_rng(0).normal(size=200))
    plain = torch.from_numpy(motion(Fir(TAPS), shape)).reshape(-1, 1, 1, 1)
    expected = [
        plain[t] * spread(plain[max(0, t - 2) : t + 3], shape[max(0, t - 2) : t + 3])
        for t in range(200)
    ]
    weighed = motion(Anisotropic(Fir(TAPS), 5, spread), shape)
    assert weighed == pytest.approx(torch.cat(expected).flatten().numpy(), abs=1e-6)


def test_fractional_anisotropy_is_that_of_the_eigenvalues() -> None:
    draw = np.random.default_rng(0)
    strength = np.array([2.0, 1.0, 0.5, 0.1])[:, None, None, None]
    motions = strength * draw.normal(size=(4, 3, 7, 9))
    found = fractional_anisotropy(torch.from_numpy(motions))
    patch = motions[:, :, 1:6, 2:7].reshape(4, -1)  # around row 3, column 4
    values = np.linalg.eigvalsh(np.cov(patch, ddof=0))
    uneven = ((values - values.mean()) ** 2).sum() / (values**2).sum()
    assert float(found[3, 4]) == pytest.approx(np.sqrt(4 / 3 * uneven), abs=1e-9)


def test_fractional_anisotropy_is_1_along_one_direction_and_0_without_motion() -> None:
    along = torch.randn(1, 3, 8, 8) * torch.tensor([1.0, -0.5, 0.2])[:, None, None, None]
    assert torch.allclose(fractional_anisotropy(along), torch.ones(8, 8), atol=1e-3)
    assert not fractional_anisotropy(torch.zeros(3, 3, 8, 8)).any()
