"""A shaken picture lies as the first does, and what moves by itself still moves as it did."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from magnify.motion.luma import luma
from magnify.motion.registration import TextureError, displacement
from magnify.motion.steadying import Steadier
from support.moving import filmed, texture

SIZE = (120, 160)
MIDDLE = (np.array(SIZE) - 1) / 2
SUBJECT = np.s_[40:88, 56:104]
INSIDE = np.zeros(SIZE, bool)
INSIDE[48:80, 64:96] = True
STILL = np.zeros(SIZE, bool)
STILL[16:104, 8:40] = True


def scene(sway: float) -> NDArray[np.float64]:
    """A still background, and a subject before it that is `sway` pixels to the right."""
    levels = texture(size=SIZE)
    levels[SUBJECT] = texture(sway, size=SIZE, seed=1)[SUBJECT]
    return levels


def shaken(
    levels: NDArray[np.float64], down: float, right: float, angle: float = 0.0
) -> NDArray[np.uint8]:
    """As a camera sees it that was moved and turned about the picture's middle."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    offset = MIDDLE - turn @ MIDDLE - np.array([down, right])
    return filmed(ndimage.affine_transform(levels, turn, offset, order=5, mode="nearest"))


@pytest.mark.parametrize("shake", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("by", ["whole", "region"])
def test_what_stands_still_lies_still_and_the_subject_moves_as_it_did(
    shake: float, by: str
) -> None:
    first = filmed(scene(0.0))
    steadier = Steadier(first, None if by == "whole" else STILL)
    draw = np.random.default_rng(5)
    for sway in (0.4, -0.3, 0.1):
        down, right = draw.uniform(-shake, shake, 2)
        angle = float(np.radians(draw.uniform(-0.3, 0.3))) if by == "whole" else 0.0
        steady = steadier(shaken(scene(sway), down, right, angle))
        assert np.hypot(*displacement(first, steady, STILL, reach=2)) < 0.04
        moved = displacement(first, steady, INSIDE, reach=2)
        assert (moved.dx, moved.dy) == pytest.approx((sway, 0), abs=0.05)


def test_the_pose_of_a_turned_picture_is_found() -> None:
    steadier = Steadier(filmed(scene(0.0)))
    pose = steadier.pose(luma(shaken(scene(0.0), 1.5, -2.25, np.radians(0.5))))
    assert pose[2] == pytest.approx(0, abs=2e-4)
    assert np.degrees(pose[3]) == pytest.approx(-0.5, abs=0.02)


def test_a_picture_that_lies_right_stays_as_it_is() -> None:
    first = filmed(scene(0.0))
    assert np.abs(Steadier(first)(first).astype(int) - first).max() <= 1


def test_deep_pictures_keep_their_depth() -> None:
    first = filmed(scene(0.0)).astype(np.uint16) * 257
    steady = Steadier(first)(shaken(scene(0.0), 0.4, 0.7).astype(np.uint16) * 257)
    assert steady.dtype == np.uint16
    inner = np.s_[10:-10, 10:-10]
    assert np.abs(steady[inner].astype(int) - first[inner]).mean() < 257


def test_no_texture_and_another_scene_are_told() -> None:
    with pytest.raises(TextureError):
        Steadier(np.full((*SIZE, 3), 90, np.uint8))
    with pytest.raises(TextureError):
        Steadier(filmed(scene(0.0)))(filmed(texture(size=SIZE, seed=9)))
