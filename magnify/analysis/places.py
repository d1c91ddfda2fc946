"""What a user points at in a picture: regions, points, lines; and how long a pixel is.

All of it in pixels of the upright picture, from the top left, unless a unit is written.
"""

import re
from dataclasses import dataclass

import numpy as np

from magnify.errors import SettingsError
from magnify.motion.luma import Levels
from magnify.motion.regions import Region

POINT_SIZE = 32
"""Side of the window around a point, in pixels."""
POINT_REACH = 8
"""How far a point's window moves to better texture, in pixels."""
METRES = {"um": 1e-6, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "in": 0.0254}
LEAST_SIDE = 8
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"


@dataclass(frozen=True)
class Scale:
    """How long a pixel is: `per_pixel` of `unit`, in the plane that it was measured in."""

    per_pixel: float
    unit: str

    @property
    def metres(self) -> float:
        """Metres a pixel."""
        return self.per_pixel * METRES[self.unit]

    @classmethod
    def parse(cls, text: str) -> "Scale":
        """Reads what is written as `0.35mm/px`.

        Raises:
            SettingsError: it is no such scale.
        """
        match = re.fullmatch(rf"({_NUMBER})\s*([^\W\d]+)/px", text.strip())
        if match is None:
            raise SettingsError(f"'{text}' is no scale; write it as 0.35mm/px")
        return cls._checked(float(match[1]), match[2], text)

    @classmethod
    def between(cls, text: str) -> "Scale":
        """Reads two points and their distance, `X1,Y1,X2,Y2=120mm`.

        Raises:
            SettingsError: it is no such distance.
        """
        ends, _, distance = text.partition("=")
        match = re.fullmatch(rf"({_NUMBER})\s*([^\W\d]+)", distance.strip())
        if match is None:
            raise SettingsError(f"'{text}' is no known distance; write X1,Y1,X2,Y2=120mm")
        x1, y1, x2, y2 = parse_numbers(ends, 4, "line", "X1,Y1,X2,Y2")
        pixels = float(np.hypot(x2 - x1, y2 - y1))
        if pixels == 0:
            raise SettingsError(f"'{text}' has its two ends at the same place")
        return cls._checked(float(match[1]) / pixels, match[2], text)

    @classmethod
    def _checked(cls, per_pixel: float, unit: str, text: str) -> "Scale":
        if unit not in METRES:
            raise SettingsError(f"'{text}': unknown unit '{unit}'; use one of {', '.join(METRES)}")
        if not 0 < per_pixel < float("inf"):
            raise SettingsError(f"'{text}': a pixel's length must be above 0")
        return cls(per_pixel, unit)


def named(text: str, number: int) -> tuple[str, str]:
    """Takes `NAME=` off what follows it; the default name counts from `P1`.

    Raises:
        SettingsError: the name cannot head a column.
    """
    name, equals, rest = text.rpartition("=")
    if not equals:
        return f"P{number}", text
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SettingsError(f"'{name}' is no name: use letters, digits, _, . and -")
    return name, rest


def point_windows(text: str, along: int | None, size: int) -> list[Region]:
    """The windows of a point `X,Y`, or of `along` points on a line `X1,Y1,X2,Y2`.

    Raises:
        SettingsError: the text is no such place, or the windows begin outside the picture.
    """
    if size < LEAST_SIDE:
        raise SettingsError(f"a window of {size} pixels is too small; use {LEAST_SIDE} or more")
    if along is None:
        points = np.array([parse_numbers(text, 2, "point", "X,Y")])
    else:
        ends = np.array(parse_numbers(text, 4, "line", "X1,Y1,X2,Y2")).reshape(2, 2)
        points = ends[0] + np.linspace(0, 1, along)[:, None] * (ends[1] - ends[0])
    corners = np.rint(points - (size - 1) / 2).astype(int)
    if corners.min() < 0:
        raise SettingsError(f"{text}: a window of {size} pixels there leaves the picture")
    return [Region(int(x), int(y), size, size) for x, y in corners]


def parse_numbers(text: str, count: int, what: str, form: str) -> list[float]:
    """Reads so many numbers with commas between; `what` and `form` are for the error.

    Raises:
        SettingsError: the text is something else.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise SettingsError(f"'{text}' is no {what}; write {form} in pixels")
    return numbers


def at_best_texture(levels: Levels, window: Region) -> Region:
    """The window moved, by up to 8 pixels, to where texture fixes both directions best."""
    height, width = levels.shape
    down, right = (np.gradient(levels, axis=axis) for axis in (0, 1))
    products = [_sums(product, window) for product in (right * right, right * down, down * down)]
    xx, xy, yy = products
    weakest = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    top, left = max(window.y - POINT_REACH, 0), max(window.x - POINT_REACH, 0)
    near = weakest[top : window.y + POINT_REACH + 1, left : window.x + POINT_REACH + 1]
    best = np.unravel_index(near.argmax(), near.shape)
    moved = Region(left + int(best[1]), top + int(best[0]), window.width, window.height)
    moved.check_inside(height, width)
    return moved


def _sums(values: Levels, window: Region) -> Levels:
    """Of every window of that size, by its top left corner."""
    table = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    table[1:, 1:] = values.cumsum(0, dtype=float).cumsum(1)
    h, w = window.height, window.width
    total = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]
    return total.astype(np.float32)
