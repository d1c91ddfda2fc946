"""Colour magnification: patches change their colour alpha times as much, and nothing moves."""

import numpy as np
import pytest
from numpy.typing import NDArray

import magnify
from magnify.errors import SettingsError
from magnify.models.colour import Colour
from magnify.motion.registration import displacement
from support.faces import RATE, blushing


def grown(pictures: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
    mode = magnify.Bandpass(low=0.8, high=2.0)
    frames = magnify.magnify_frames(pictures, fps=RATE, alpha=alpha, mode=mode, weights="colour")
    return np.asarray(frames)


@pytest.mark.parametrize("size", [(120, 128), (121, 97)])
def test_the_pulse_of_a_patch_grows_by_alpha(size: tuple[int, int]) -> None:
    """Away from the edge of the skin, which is blurred by as much as a patch."""
    pictures, _ = blushing(seconds=8, frequency=1.2, amplitude=0.4, size=size)
    output = grown(pictures, 30.0)
    inner = (slice(None), slice(66, 78), slice(size[1] // 2 - 6, size[1] // 2 + 6), 1)
    before, after = (video[inner].mean(axis=(1, 2)) for video in (pictures, output))
    steady = slice(RATE, -RATE)
    times = np.arange(len(pictures))[steady] / RATE
    waves = np.exp(-2j * np.pi * 1.2 * times)
    change = [abs(np.mean((video[steady] - video.mean()) * waves)) for video in (before, after)]
    assert change[1] / change[0] == pytest.approx(30, rel=0.15)


def test_nothing_moves_and_what_stands_still_stays() -> None:
    pictures, skin = blushing(seconds=4, frequency=1.2, amplitude=0.4)
    output = grown(pictures, 30.0)
    inside = np.zeros(skin.shape, bool)
    inside[6:-6, 6:-6] = True
    moved = displacement(pictures[60], output[60], inside, reach=2)
    assert abs(moved.dx) < 0.02
    assert abs(moved.dy) < 0.02
    far = np.zeros(skin.shape, bool)
    far[:4] = True
    assert np.abs(output[:, far].astype(int) - pictures[:, far]).mean() < 1.0


@pytest.mark.parametrize("pooling", [0, 513])
def test_impossible_patches_are_refused(pooling: int) -> None:
    with pytest.raises(SettingsError, match="pooling must be 1 to 512 pixels"):
        Colour(pooling)
