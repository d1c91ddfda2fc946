"""Linear Eulerian magnification: each wavelength grows by what it bears."""

import math

import pytest
import torch

from magnify.errors import SettingsError
from magnify.models.linear import Linear
from support.waves import luma, texture, wave


@pytest.mark.parametrize(
    ("length", "factor"), [(32.0, 10.0), (16.0, 10.0), (8.0, 5.0), (4.0, 2.5), (2.5, 1.5625)]
)
def test_short_waves_grow_in_proportion_to_their_length(length: float, factor: float) -> None:
    step = length / 2000
    reference, frame = wave(160, 160, length), wave(160, 160, length, dx=step)
    grown = luma(Linear(cutoff=16)(reference, frame, 10.0) - reference)[:, 40:-40, 40:-40]
    once = luma(frame - reference)[:, 40:-40, 40:-40]
    measured = float((grown * once).sum() / once.square().sum())
    assert measured == pytest.approx(factor, rel=0.03)


def test_waves_are_never_made_smaller_by_a_factor_above_1() -> None:
    reference, frame = wave(160, 160, 3.0), wave(160, 160, 3.0, dx=0.002)
    grown = Linear(cutoff=60)(reference, frame, 2.0)
    torch.testing.assert_close(
        grown[..., 40:-40, 40:-40], frame[..., 40:-40, 40:-40], rtol=0, atol=1e-4
    )


def test_mean_brightness_is_not_grown() -> None:
    reference = texture(48, 64)
    brighter = (reference + 0.01).clamp(0, 1)
    torch.testing.assert_close(Linear()(reference, brighter, 50.0), brighter, rtol=0, atol=1e-4)


def test_without_a_cutoff_the_change_grows_as_it_is() -> None:
    reference, frame = texture(48, 64), texture(48, 64, dx=0.1)
    change = luma(frame - reference)
    change = change - change.mean()
    grown = luma(Linear(cutoff=0)(reference, frame, 5.0) - frame)
    torch.testing.assert_close(grown, 4 * change, rtol=0, atol=2e-3)


def test_attenuation_takes_out_every_wavelength() -> None:
    reference, frame = texture(48, 64), texture(48, 64, dx=0.3) + 0.01
    half = luma(Linear()(reference, frame, 0.5))
    torch.testing.assert_close(half, luma(reference + frame) / 2, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cutoff", [-1.0, math.inf, math.nan])
def test_impossible_cutoffs_are_refused(cutoff: float) -> None:
    with pytest.raises(SettingsError, match="cutoff must be a wavelength"):
        Linear(cutoff=cutoff)
