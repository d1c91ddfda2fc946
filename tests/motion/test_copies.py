"""What was repeated instead of recorded."""

import numpy as np
import pytest
from numpy.typing import NDArray

from magnify.motion.common import common_motion
from magnify.motion.copies import CopiedBlocks, find_repetition
from magnify.motion.luma import luma
from support.moving import filmed, texture


def test_copied_cells_are_counted_where_there_is_texture() -> None:
    first = luma(filmed(texture()))
    first[:48] = 100  # no texture: does not count
    copies = CopiedBlocks(first)
    assert copies.feed(first) == 1
    half = first.copy()
    half[:, :48] += 3
    assert copies.feed(half) == pytest.approx(0.5, abs=0.1)


def test_a_picture_without_texture_has_no_share_of_copies() -> None:
    flat = np.full((64, 64), 20, np.float32)
    assert np.isnan(CopiedBlocks(flat).feed(flat))


def test_one_level_of_ten_bits_is_no_copy() -> None:
    first = luma(filmed(texture()))
    step = 255 / 1023
    assert CopiedBlocks(first, step).feed(first + np.float32(step)) == 0
    assert CopiedBlocks(first).feed(first + np.float32(step)) == 1


def changes(frames: int, pattern: list[float], seed: int) -> NDArray[np.float64]:
    """Sizes of change, scattered as real ones are, each times its place's in the pattern."""
    scatter = np.random.default_rng(seed).lognormal(0, 0.4, frames)
    return scatter * np.resize(pattern, frames)


@pytest.mark.parametrize(
    ("pattern", "repeats", "kept"),
    [
        ([0.1, 1], (0,), 30),
        ([1, 0.1], (1,), 31),
        ([0.1, 0.1, 1], (0, 1), 20),
        ([1, 1, 1, 0.1, 1], (3,), 48),
    ],
)
def test_repeated_frames_are_found(
    pattern: list[float], repeats: tuple[int, ...], kept: int
) -> None:
    measures = [changes(60, pattern, seed) for seed in range(3)]
    found = find_repetition(*measures)
    assert found is not None
    assert (found.period, found.repeats) == (len(pattern), repeats)
    assert found.ratio > 2.5
    originals = found.originals(60)
    assert abs(len(originals) - kept) <= 1
    # The last of each run: the next frame is no repeat.
    assert not np.isin((originals[:-1] + 1) % found.period, repeats).any()


@pytest.mark.parametrize(
    "measures",
    [
        [changes(60, [1], seed) for seed in range(3)],
        [changes(60, [0.45, 1], seed) for seed in range(3)],  # B-frames
        [changes(60, [0.1, 1], 0), changes(60, [1], 1), changes(60, [1], 2)],
        [changes(60, [1], 0), changes(60, [0.1, 1], 1), changes(60, [0.1, 1], 2)],
        [np.where(np.arange(60) == 31, 100, changes(60, [1], seed)) for seed in range(3)],
        [changes(6, [0.1, 1], seed) for seed in range(3)],  # too few to tell
    ],
    ids=["steady", "B-frames", "light", "motion in step", "a cut", "short"],
)
def test_other_clips_repeat_nothing(measures: list[NDArray[np.float64]]) -> None:
    assert find_repetition(*measures) is None


def test_common_motion_is_that_of_the_majority() -> None:
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 100)
    direction = np.stack([np.cos(angle), np.sin(angle)], 1)
    moved = np.tile((0.3, -0.1), (100, 1))
    moved[:30] = (4.0, 5.0)
    along = (moved * direction).sum(1) + random.normal(0, 0.005, 100)
    assert common_motion(along[None], direction)[0] == pytest.approx((0.3, -0.1), abs=0.02)
