"""Pictures put together: side by side, one above the other, with rules and labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from magnify.video import Picture

RULE = 4
"""Pixels between two pictures."""
LABEL_HEIGHT = 20
FONT_SIZE = 13
WHITE, INK = 255, 30


def as_depth(picture: Picture, dtype: np.dtype[Any]) -> Picture:
    """The same picture with 8 or with 16 bits."""
    if picture.dtype == dtype:
        return picture
    if dtype == np.uint16:
        return picture.astype(np.uint16) * np.uint16(257)
    return np.rint(picture / 257).astype(np.uint8)


def beside(pictures: Sequence[Picture]) -> Picture:
    """From left to right, a white rule between; what is lower gets white below."""
    height = max(picture.shape[0] for picture in pictures)
    return _joined([_padded(picture, height, picture.shape[1]) for picture in pictures], axis=1)


def above(pictures: Sequence[Picture]) -> Picture:
    """From top to bottom, a white rule between; what is narrower gets white to the right."""
    width = max(picture.shape[1] for picture in pictures)
    return _joined([_padded(picture, picture.shape[0], width) for picture in pictures], axis=0)


def _padded(picture: Picture, height: int, width: int) -> Picture:
    missing = height - picture.shape[0], width - picture.shape[1]
    white = np.iinfo(picture.dtype).max
    widths = ((0, missing[0]), (0, missing[1]), (0, 0))
    padded: Any = np.pad(picture, widths, constant_values=white)
    whole: Picture = padded
    return whole


def _joined(pictures: Sequence[Picture], axis: int) -> Picture:
    first = pictures[0]
    shape = list(first.shape)
    shape[axis] = RULE
    rule: Picture = np.full(shape, np.iinfo(first.dtype).max, first.dtype)
    parts: list[NDArray[Any]] = [first]
    for picture in pictures[1:]:
        parts += [rule, picture]
    joined: Picture = np.concatenate(parts, axis=axis)
    return joined


def labelled(picture: Picture, text: str) -> Picture:
    """With one line of text above it; a text that is too long is cut off."""
    strip = Image.new("RGB", (picture.shape[1], LABEL_HEIGHT), (WHITE,) * 3)
    font = ImageFont.load_default(FONT_SIZE)
    ImageDraw.Draw(strip).text((3, 1), text, fill=(INK,) * 3, font=font)
    label = as_depth(np.asarray(strip), picture.dtype)
    labelled: Picture = np.concatenate([label, picture])
    return labelled
