"""Single pictures as one array."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from magnify.errors import SettingsError
from magnify.video.colour import ColourConverter, ColourTags, Picture, bit_depth
from magnify.video.images import read_image


def read_pictures(paths: Sequence[Path]) -> Picture:
    """Pictures of one size and depth, (T, H, W, 3), uint8 or uint16, RGB.

    Raises:
        VideoError: one cannot be read.
        SettingsError: there are fewer than two, or their sizes differ.
    """
    if len(paths) < 2:
        raise SettingsError("two pictures or more are needed")
    converter = ColourConverter()
    pictures = []
    for path in paths:
        frame = read_image(path)
        depth = bit_depth(frame.format.name)
        pictures.append(converter.to_picture(frame, ColourTags.of(frame), depth))
        first, last = pictures[0], pictures[-1]
        if (first.shape, first.dtype) != (last.shape, last.dtype):
            raise SettingsError(
                f"{path}: is {last.shape[1]}x{last.shape[0]} of {8 * last.dtype.itemsize} bits, "
                f"{paths[0]} {first.shape[1]}x{first.shape[0]} of {8 * first.dtype.itemsize}; "
                "make them alike"
            )
    stacked = np.empty_like(pictures[0], shape=(len(pictures), *pictures[0].shape))
    for place, picture in zip(stacked, pictures, strict=True):
        place[:] = picture
    return stacked
