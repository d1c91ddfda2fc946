"""SSIM, PSNR and temporal_deviation against definitions and closed forms."""

import numpy as np
import pytest
from numpy.typing import NDArray

from magnify.lab.evaluation import psnr, ssim, temporal_deviation


def noise_pictures(
    frames: int, height: int, width: int, deviation: float, seed: int = 0
) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return 128 + deviation * random.standard_normal((frames, height, width, 3))


def ssim_by_definition(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """One window of 11 x 11, as in the paper's equation 13."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
    variance_a, variance_b = (
        (weights * (a - mean_a) ** 2).sum(),
        (weights * (b - mean_b) ** 2).sum(),
    )
    covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
    c1, c2 = 6.5025, 58.5225
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return above / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))


def test_identical_pictures() -> None:
    pictures = noise_pictures(2, 20, 24, 40)

    assert ssim(pictures, pictures) == pytest.approx([1, 1])
    assert psnr(pictures, pictures) == pytest.approx([100, 100])


def test_ssim_of_a_single_window() -> None:
    a, b = noise_pictures(1, 11, 11, 30, seed=1), noise_pictures(1, 11, 11, 30, seed=2)
    b = 0.6 * a + 0.4 * b

    expected = np.mean([ssim_by_definition(a[0, ..., c], b[0, ..., c]) for c in range(3)])

    assert ssim(a, b) == pytest.approx([expected], rel=1e-9)


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    dark, light = np.full((1, 16, 16, 3), 50, np.uint8), np.full((1, 16, 16, 3), 80, np.uint8)

    expected = (2 * 50 * 80 + 6.5025) / (50**2 + 80**2 + 6.5025)

    assert ssim(dark, light) == pytest.approx([expected])


def test_psnr_of_noise_and_of_an_offset() -> None:
    truth = np.full((1, 200, 200, 3), 128.0)

    assert psnr(truth + 5, truth) == pytest.approx([20 * np.log10(255 / 5)])
    assert psnr(noise_pictures(1, 200, 200, 3), truth) == pytest.approx(
        [20 * np.log10(255 / 3)], abs=0.05
    )


def test_psnr_of_8_bit_pictures_does_not_wrap_around() -> None:
    black, white = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 8, 8, 3), 255, np.uint8)

    assert psnr(black, white) == pytest.approx([0])


def test_temporal_deviation_of_white_noise_is_its_deviation_whatever_the_number_of_frames() -> None:
    red, green, blue = 0.299, 0.587, 0.114
    luma = np.sqrt(red**2 + green**2 + blue**2)
    blue_difference = np.sqrt(red**2 + green**2 + (1 - blue) ** 2) / 1.772
    red_difference = np.sqrt((1 - red) ** 2 + green**2 + blue**2) / 1.402
    chroma = np.sqrt((blue_difference**2 + red_difference**2) / 2)

    for frames in (2, 9):
        measured = temporal_deviation(noise_pictures(frames, 150, 150, 4))
        assert measured == pytest.approx((4 * luma, 4 * chroma), rel=0.02)


def test_temporal_deviation_counts_only_the_mask_and_only_change() -> None:
    pictures = np.broadcast_to(noise_pictures(1, 20, 20, 50), (4, 20, 20, 3)).copy()
    pictures[:, :10] = noise_pictures(4, 10, 20, 9)
    lower = np.arange(20)[:, None] + np.zeros(20) >= 10

    assert temporal_deviation(pictures, lower) == pytest.approx((0, 0), abs=1e-9)
    assert min(temporal_deviation(pictures, ~lower)) > 1


def test_grey_flicker_has_no_chroma() -> None:
    pictures = np.array([100, 104], np.uint8)[:, None, None, None] + np.zeros((8, 8, 3), np.uint8)

    assert temporal_deviation(pictures) == pytest.approx((4 / np.sqrt(2), 0), abs=1e-9)
