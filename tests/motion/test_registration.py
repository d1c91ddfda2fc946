"""Registration on patterns whose displacement is known exactly."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from magnify.errors import SettingsError
from magnify.motion.registration import displacement

HEIGHT, WIDTH = 120, 140


def pattern(dx: float, dy: float, seed: int = 0) -> NDArray[np.float64]:
    """A band-limited texture, evaluated (not interpolated) at displaced positions."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    levels = np.full((HEIGHT, WIDTH), 127.0)
    for _ in range(30):
        frequency, angle, phase = random.uniform((0.05, 0, 0), (1.2, 2 * np.pi, 2 * np.pi))
        along = (columns - dx) * np.cos(angle) + (rows - dy) * np.sin(angle)
        levels += 16 * np.sin(frequency * along + phase)
    return levels


def inner_mask() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[35:85, 35:105] = True
    return mask


@pytest.mark.parametrize(
    "moved",
    [(0, 0), (0.01, 0), (-0.05, 0.03), (0.2, -0.1), (1.5, 2.7), (10.3, -9.8), (-30.4, 29.6)],
)
@pytest.mark.parametrize("masked", [False, True])
def test_displacement_of_8_bit_pictures(moved: tuple[float, float], masked: bool) -> None:
    picture = pattern(*moved).round().clip(0, 255).astype(np.uint8)

    measured = displacement(pattern(0, 0), picture, inner_mask() if masked else None)

    assert measured == pytest.approx(moved, abs=0.004)


def test_noise_does_not_bias_the_displacement() -> None:
    random = np.random.default_rng(1)
    reference, moved = pattern(0, 0), pattern(0.2, 0.1)

    measured = [displacement(reference, moved + random.normal(0, 10, moved.shape)) for _ in "1234"]

    assert np.mean(measured, axis=0) == pytest.approx((0.2, 0.1), abs=0.01)


def test_brightness_and_contrast_do_not_matter() -> None:
    measured = displacement(pattern(0, 0), 0.6 * pattern(0.7, -3.2) + 40)

    assert measured == pytest.approx((0.7, -3.2), abs=2e-3)


def test_only_what_is_under_the_mask_counts() -> None:
    picture = np.where(inner_mask(), pattern(0.25, -0.5), pattern(0, 0, seed=9))
    inner = np.zeros_like(inner_mask())
    inner[38:82, 38:102] = True

    assert displacement(pattern(0, 0), picture, inner) == pytest.approx((0.25, -0.5), abs=0.01)


def test_colour_pictures_are_compared_by_luma() -> None:
    weights = np.array([0.5, 1.0, 0.25])
    reference, picture = (pattern(*moved)[..., None] * weights for moved in ((0, 0), (0.3, 0.4)))

    assert displacement(reference, picture) == pytest.approx((0.3, 0.4), abs=2e-3)


def test_a_region_without_two_directions_is_refused() -> None:
    stripes = np.broadcast_to(np.sin(np.arange(WIDTH) / 4) * 90 + 127, (HEIGHT, WIDTH))

    for untextured in (stripes, np.full((HEIGHT, WIDTH), 80.0)):
        with pytest.raises(SettingsError, match="no texture"):
            displacement(untextured, untextured)


@pytest.mark.parametrize(
    "other",
    [
        pattern(0, 0, seed=20),
        ndimage.gaussian_filter(pattern(0, 0), 8),
        np.random.default_rng(3).normal(127, 40, (HEIGHT, WIDTH)),
        np.full((HEIGHT, WIDTH), 99.0),
    ],
    ids=["unrelated", "blurred away", "noise", "flat"],
)
def test_what_is_not_there_any_more_is_not_measured(other: NDArray[np.float64]) -> None:
    with pytest.raises(SettingsError, match="too little like it"):
        displacement(pattern(0, 0), other, inner_mask())


@pytest.mark.parametrize("dx", [6, 10, -8])
def test_a_match_that_slips_away_is_not_measured(dx: int) -> None:
    """A smooth disc that has lost its grain: the least squares would end 7 pixels beside it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)

    def scene(dx: int, grain: NDArray[np.float64]) -> NDArray[np.float64]:
        disc = np.hypot(columns - 70 - dx, rows - 60) < 30
        return np.where(disc, 127 + 25 * np.tanh((columns - 70 - dx) / 20) + grain, walls)

    walls = np.where(columns < 60, 60, 220)
    reference = scene(0, 0.06 * (pattern(0, 0, seed=1) - 127))
    smooth = ndimage.gaussian_filter(scene(dx, np.zeros_like(walls)), 1)
    with pytest.raises(SettingsError, match="too little like it"):
        displacement(reference, smooth, np.hypot(columns - 70, rows - 60) < 27)


@pytest.mark.parametrize(
    ("picture", "mask", "message"),
    [
        (np.zeros((8, 9)), None, "shapes differ"),
        (np.zeros((8, 8)), np.zeros((8, 8), bool), "selects 0 pixels"),
        (np.zeros((8, 8)), np.ones((4, 8), bool), r"it is \(4, 8\)"),
    ],
)
def test_wrong_arguments(
    picture: NDArray[np.float64], mask: NDArray[np.bool_] | None, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        displacement(np.zeros((8, 8)), picture, mask)
