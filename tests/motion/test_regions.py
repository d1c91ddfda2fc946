"""Regions: rectangles of pixels."""

import numpy as np
import pytest

from magnify.errors import SettingsError
from magnify.motion.regions import Region


def test_a_region_is_read_and_written() -> None:
    region = Region.parse("3,1,4,2")

    assert region == Region(x=3, y=1, width=4, height=2)
    assert str(region) == "3,1,4,2"


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,0,1,1", "-1,0,4,4", "0,0,0,4"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=f"'{text}' is no region; write x,y,w,h in pixels"):
        Region.parse(text)


def test_a_region_is_cut_out_of_pictures() -> None:
    pictures = np.arange(2 * 5 * 8 * 3).reshape(2, 5, 8, 3)

    cut = Region(3, 1, 4, 2).cut(pictures)

    np.testing.assert_array_equal(cut, pictures[:, 1:3, 3:7])
    cut[:] = 0
    assert (pictures[:, 1:3, 3:7] == 0).all(), "a view"


@pytest.mark.parametrize("region", [Region(5, 0, 4, 2), Region(0, 4, 1, 2)])
def test_a_region_that_leaves_the_picture_is_refused(region: Region) -> None:
    with pytest.raises(SettingsError, match=f"region {region} leaves the picture, which is 8x5"):
        region.cut(np.zeros((1, 5, 8)))
