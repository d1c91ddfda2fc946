"""Displacement of blocks against textures whose displacement is known exactly."""

import numpy as np
import pytest
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.motion.blocks import BlockMotion
from magnify.motion.grid import BlockGrid
from magnify.motion.luma import luma
from support.moving import filmed, texture

FRAMES = 16


def path_of(amplitude: float) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(FRAMES) / 16.3
    return np.stack([amplitude * np.sin(angle), amplitude / 2 * np.cos(angle)], 1)


def follow(
    amplitude: float, noise: float = 0.0, block: int = 32
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measured (T, blocks, 2) and true (T, 2) displacements."""
    random = np.random.default_rng(5)
    motion = BlockMotion(luma(filmed(texture(), noise, random)), BlockGrid(96, 96, block))
    usable = motion.texture.usable.all(-1).ravel()
    assert usable.mean() > 0.5
    true = path_of(amplitude)
    pictures = (luma(filmed(texture(*moved), noise, random)) for moved in true)
    measured = [motion.feed(picture).reshape(-1, 2) for picture in pictures]
    return np.array(measured)[:, usable], true


def gain(measured: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each block, along x."""
    slope: NDArray[np.float64] = (measured[..., 0] * true[:, :1]).sum(0) / (true[:, 0] ** 2).sum()
    return slope


@pytest.mark.parametrize("amplitude", [0.1, 0.3, 1.0, 3.0])
def test_what_moves_is_measured_within_two_percent(amplitude: float) -> None:
    assert np.median(gain(*follow(amplitude))) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("noise", "scatter"), [(1.0, 0.013), (3.0, 0.035)])
def test_noise_scatters_little_and_biases_less(noise: float, scatter: float) -> None:
    measured, true = follow(0.1, noise)
    assert np.median((measured - true[:, None]).std(axis=0)) <= scatter
    assert np.median(gain(measured, true)) >= 0.95


def test_larger_blocks_scatter_less() -> None:
    small, large = (follow(0.1, 3.0, block) for block in (16, 64))
    scatter = [np.median((found - true[:, None]).std(axis=0)) for found, true in (small, large)]
    assert scatter[1] < scatter[0] / 3


def test_right_and_down_are_positive() -> None:
    motion = BlockMotion(luma(filmed(texture())), BlockGrid(96, 96, 32))
    moved = motion.feed(luma(filmed(texture(0.2, 0.1))))
    assert np.median(moved, axis=(0, 1)) == pytest.approx((0.2, 0.1), abs=0.01)


@pytest.mark.parametrize("flicker", [0.01, 0.05])
def test_light_is_not_taken_for_motion(flicker: float) -> None:
    motion = BlockMotion(luma(filmed(texture())), BlockGrid(96, 96, 32))
    moved = motion.feed(luma(filmed(texture() * (1 - flicker))))
    assert np.median(np.abs(moved)) < 0.002


def test_an_edge_shows_only_the_motion_across_it() -> None:
    """A slanted line that moves straight down: along itself it shows nothing."""
    slope = np.radians(8)

    def line(dy: float) -> NDArray[np.float32]:
        rows, columns = np.mgrid[:64, :64].astype(float)
        across = (columns - 32) * -np.sin(slope) + (rows - 32 - dy) * np.cos(slope)
        return luma(filmed(60 + 150 * np.exp(-((across / 1.2) ** 2))))

    motion = BlockMotion(line(0.0), BlockGrid(64, 64, 16))
    usable = motion.texture.usable
    assert usable[..., 0].any()
    assert not usable[usable[..., 0], 1].any()
    moved = motion.feed(line(0.2))[usable[..., 0]]
    across = moved @ (-np.sin(slope), np.cos(slope))
    assert np.median(across) == pytest.approx(0.2 * np.cos(slope), rel=0.1)


def test_what_has_no_texture_does_not_move() -> None:
    flat = np.full((64, 64), 90, np.float32)
    flat[:32] = texture(size=(32, 64))
    motion = BlockMotion(flat, BlockGrid(64, 64, 16))
    assert not motion.texture.usable[-1].any()
    assert (motion.feed(flat + 3)[-1] == 0).all()


def test_what_left_is_not_followed_out_of_reach() -> None:
    motion = BlockMotion(luma(filmed(texture())), BlockGrid(96, 96, 32))
    for seed in (1, 2, 3):
        moved = motion.feed(luma(filmed(texture(seed=seed))))
        assert np.isfinite(moved).all()
    back = motion.feed(luma(filmed(texture(0.5, 0))))
    assert np.median(back[..., 0]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("height", "width", "block"), [(192, 432, 16), (544, 960, 24), (1080, 1920, 48), (11, 13, 10)]
)
def test_automatic_blocks_are_at_most_4096(height: int, width: int, block: int) -> None:
    grid = BlockGrid.automatic(height, width)
    assert grid.block == block
    assert np.prod(grid.shape) <= 4096
    assert grid.centres.shape == (*grid.shape, 2)
    # As far from the left as from the right.
    assert abs(grid.centres[0, 0, 0] + grid.centres[0, -1, 0] - (width - 1)) <= 1


@pytest.mark.parametrize("block", [4, 15, 98])
def test_blocks_that_do_not_fit_are_refused(block: int) -> None:
    with pytest.raises(SettingsError, match=f"blocks of {block} pixels do not fit"):
        BlockGrid(96, 96, block)
