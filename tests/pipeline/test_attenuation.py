"""Band-pass with the rest attenuated: of two tones one grows, and the other is gone."""

import numpy as np
import pytest

import magnify
from magnify.motion.registration import displacement
from magnify.pipeline.modes import Bandpass
from support.moving import filmed, texture

RATE, FRAMES = 20.0, 32
SIZE = (48, 64)
SLOW, FAST = 2.0, 6.0
SETTLED = slice(10, 20)  # a period of the slow tone, three of the fast
INSIDE = np.zeros(SIZE, bool)
INSIDE[10:-10, 10:-10] = True


def tone(frequency: float) -> np.ndarray:
    return np.exp(2j * np.pi * frequency * np.arange(FRAMES)[SETTLED] / RATE)


@pytest.mark.parametrize(
    ("model", "alpha", "left"),
    [("steerable", 6.0, 0.03), ("riesz", 6.0, 0.03), ("riesz", 0.0, 0.03), ("lbvmm", 6.0, 0.1)],
)
def test_of_two_tones_only_that_in_the_band_is_left(model: str, alpha: float, left: float) -> None:
    time = np.arange(FRAMES) / RATE
    sway = 0.2 * np.sin(2 * np.pi * SLOW * time) + 0.3 * np.sin(2 * np.pi * FAST * time)
    pictures = np.stack([filmed(texture(dx, size=SIZE)) for dx in sway])
    mode = Bandpass(1.0, 3.0, attenuate_other=True)
    output = magnify.magnify_frames(
        pictures, alpha=alpha, mode=mode, weights=model, device="cpu", fps=RATE
    )
    moved = [displacement(pictures[0], frame, INSIDE, reach=4).dx for frame in output[SETTLED]]
    slow, fast = (abs(np.mean(np.array(moved) * tone(f))) * 2 for f in (SLOW, FAST))
    assert slow == pytest.approx(0.2 * alpha, rel=0.25, abs=0.06)
    assert fast < left
