"""Tracking of one region: accuracy, honest errors, and regions that get lost."""

import numpy as np
import pytest

from magnify.errors import SettingsError
from magnify.motion.luma import luma
from magnify.motion.regions import Region
from magnify.motion.tracking import RegionTracker, State
from support.moving import filmed, texture

REGION = Region(36, 40, 24, 24)


def tracker(noise: float = 0.0, random: np.random.Generator | None = None) -> RegionTracker:
    return RegionTracker(luma(filmed(texture(), noise, random)), REGION)


@pytest.mark.parametrize(("noise", "largest"), [(0.0, 0.004), (1.0, 0.012), (3.0, 0.03)])
def test_displacement_and_its_standard_error(noise: float, largest: float) -> None:
    random = np.random.default_rng(1)
    tracking = tracker(noise, random)
    angles = 2 * np.pi * np.arange(24) / 11.7
    true = np.stack([0.8 * np.sin(angles), 0.3 * np.cos(angles)], 1)
    found = [tracking.feed(luma(filmed(texture(*moved), noise, random))) for moved in true]
    wrong = np.array([(one.dx, one.dy) for one in found]) - true
    wrong -= wrong.mean(axis=0)  # noise in the reference shifts all alike
    assert wrong.std() < largest
    if noise:
        predicted = np.mean([(one.dx_error, one.dy_error) for one in found])
        assert wrong.std() / 2 < predicted < wrong.std() * 2
    assert {one.state for one in found} == {State.ok}


def test_right_and_down_are_positive() -> None:
    found = tracker().feed(luma(filmed(texture(2.5, 1.25))))
    assert (found.dx, found.dy) == pytest.approx((2.5, 1.25), abs=0.01)


def test_contrast_and_brightness_do_not_move_it() -> None:
    found = tracker().feed(luma(filmed(0.6 * texture(0.3, 0.1) + 30)))
    assert (found.dx, found.dy, found.gain) == pytest.approx((0.3, 0.1, 0.6), abs=0.02)


def test_a_far_jump_is_searched_for() -> None:
    found = tracker().feed(luma(filmed(texture(14.3, -11.6))))
    assert (found.dx, found.dy) == pytest.approx((14.3, -11.6), abs=0.01)


def test_what_is_hidden_is_lost_and_found_again() -> None:
    tracking = tracker()
    hidden = tracking.feed(np.full((96, 96), 127, np.float32))
    assert hidden.state is State.lost
    assert np.isnan([hidden.dx, hidden.dy, hidden.dx_error, hidden.likeness]).all()
    found = tracking.feed(luma(filmed(texture(0.4, 0))))
    assert (found.dx, found.state) == (pytest.approx(0.4, abs=0.01), State.ok)


def test_what_looks_otherwise_is_lost_or_weak() -> None:
    found = tracker().feed(luma(filmed(texture(seed=5))))
    assert found.state is not State.ok
    noisy = luma(filmed(texture(), 75, np.random.default_rng(0)))
    assert tracker().feed(noisy).state is State.weak


def test_what_has_left_the_picture_is_lost() -> None:
    picture = luma(filmed(texture()))
    tracking = RegionTracker(picture, Region(70, 40, 24, 24))
    gone = np.full_like(picture, 127)
    gone[:, 90:] = picture[:, 64:70]
    assert tracking.feed(gone).state is State.lost


def test_regions_outside_or_without_texture_are_refused() -> None:
    with pytest.raises(SettingsError, match="leaves the picture"):
        RegionTracker(np.zeros((20, 20)), Region(10, 10, 11, 4))
    stripes = np.broadcast_to(np.sin(np.arange(96) / 3) * 90 + 127, (96, 96))
    with pytest.raises(SettingsError, match="no texture"):
        RegionTracker(stripes, REGION)
