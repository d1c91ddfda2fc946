"""What a user points at: scales, points, lines, and the texture near a point."""

import numpy as np
import pytest

from magnify.analysis.places import Scale, at_best_texture, named, point_windows
from magnify.motion.luma import luma
from magnify.motion.regions import Region
from support.moving import filmed, texture


@pytest.mark.parametrize(
    ("scale", "per_pixel", "unit", "metres"),
    [
        (Scale.parse("0.35mm/px"), 0.35, "mm", 0.35e-3),
        (Scale.parse("2e1 µm/px"), 20, "µm", 20e-6),
        (Scale.between("10,20,40,60=1in"), 0.02, "in", 0.02 * 0.0254),
        (Scale.between("0,5,10,5=2.5cm"), 0.25, "cm", 0.0025),
    ],
)
def test_how_long_a_pixel_is(scale: Scale, per_pixel: float, unit: str, metres: float) -> None:
    assert (scale.per_pixel, scale.unit) == (pytest.approx(per_pixel), unit)
    assert scale.metres == pytest.approx(metres)


def test_names_stand_before_places() -> None:
    assert named("tip=3,4", 2) == ("tip", "3,4")
    assert named("3,4", 2) == ("P2", "3,4")


def test_windows_have_their_points_in_the_middle() -> None:
    assert point_windows("20,30", None, 9) == [Region(16, 26, 9, 9)]
    windows = point_windows("20,30,40,50", 3, 9)
    assert windows == [Region(16, 26, 9, 9), Region(26, 36, 9, 9), Region(36, 46, 9, 9)]


def test_a_window_moves_to_texture_in_both_directions() -> None:
    levels = luma(filmed(np.full((64, 64), 90.0)))
    levels[:, :] += 40 * np.sin(np.arange(64) / 3)[None].astype(np.float32)  # stripes do not count
    levels[34:50, 36:52] = luma(filmed(texture(size=(16, 16))))
    moved = at_best_texture(levels, Region(30, 30, 16, 16))
    assert abs(moved.x - 36) <= 1
    assert abs(moved.y - 34) <= 1
    assert at_best_texture(levels, Region(0, 0, 16, 16)).x <= 8
    assert at_best_texture(levels, Region(47, 47, 16, 16)).y + 16 <= 64
