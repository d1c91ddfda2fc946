"""Slices through space and time: one line of every frame, put side by side.

A point that moves back and forth draws a wave; its height is the motion in pixels.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.analysis.recording import Progress, Recording
from magnify.errors import SettingsError
from magnify.video import Picture

WIDEST = 9
MOST_FRAMES = 30_000
"""Frames in one picture; few programs open wider ones."""
MARK = 6
"""Pixels of the strip with a mark every second."""


@dataclass(frozen=True)
class Cut:
    """A line from one pixel to another, `width` pixels wide, in the upright picture.

    Colours are means over the width; pixels of rows and columns are taken as they are, and those
    of slanted lines are interpolated linearly, one for each pixel of its length.

    Raises:
        SettingsError: the width is not 1 to 9, or the line has no length.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    width: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.width <= WIDEST:
            raise SettingsError(f"a slice is 1 to {WIDEST} pixels wide, not {self.width}")
        if not self.length >= 1:
            raise SettingsError("the line of a slice must go from one place to another")

    @property
    def length(self) -> float:
        return float(np.hypot(self.x2 - self.x1, self.y2 - self.y1))

    @property
    def is_row(self) -> bool:
        return self.y1 == self.y2

    def places(self) -> NDArray[np.float64]:
        """Where it is sampled, down and right: (2, width, length in pixels)."""
        along = np.linspace(0, 1, round(self.length) + 1)
        across = np.arange(self.width) - (self.width - 1) // 2
        normal = np.array([self.x2 - self.x1, self.y1 - self.y2]) / self.length
        start, end = np.array([self.y1, self.x1]), np.array([self.y2, self.x2])
        middle = start[:, None] + (end - start)[:, None] * along
        places: NDArray[np.float64] = (
            middle[:, None, :] + normal[:, None, None] * across[None, :, None]
        )
        return places

    def check(self, height: int, width: int) -> None:
        """Checks that it lies inside a picture of that size.

        Raises:
            SettingsError: it does not.
        """
        low, high = self.places().min((1, 2)), self.places().max((1, 2))
        if low.min() < 0 or high[0] > height - 1 or high[1] > width - 1:
            raise SettingsError(
                f"the slice from {self.x1:g},{self.y1:g} to {self.x2:g},{self.y2:g}, {self.width} "
                f"wide, leaves the picture, which is {width}x{height}"
            )

    def of(self, picture: Picture) -> Picture:
        """Its colours in one picture: (length, 3)."""
        places = self.places()
        exact = places.round()
        if np.abs(places - exact).max() < 1e-9:
            down, right = exact.astype(int)
            colours = picture[down, right].astype(float)
        else:
            colours = np.stack(
                [
                    ndimage.map_coordinates(picture[..., channel].astype(float), places, order=1)
                    for channel in range(3)
                ],
                -1,
            )
        line: Picture = np.rint(colours.mean(axis=0)).astype(picture.dtype)
        return line


def slices(
    recording: Recording,
    cut: Cut,
    *,
    transpose: bool = False,
    marks: bool = False,
    progress: Progress | None = None,
) -> Iterator[Picture]:
    """The slice of all frames, exactly one pixel a frame; several if there are over 30,000.

    Time runs to the right, for rows downwards; `transpose` exchanges the two. `marks` adds a strip
    with a mark every second.

    Raises:
        SettingsError: the cut leaves the picture.
    """
    cut.check(recording.height, recording.width)
    lines: list[Picture] = []
    seconds: list[float] = []
    speed = 1.0
    if recording.sampling_rate is not None and recording.stated_rate:
        speed = recording.stated_rate / recording.sampling_rate
    with closing(recording.frames()) as frames:
        for number, (time, frame) in enumerate(frames, 1):
            lines.append(cut.of(frame.picture))
            seconds.append(time * speed)
            if len(lines) == MOST_FRAMES:
                yield _picture(lines, seconds, cut.is_row != transpose, marks)
                lines, seconds = [], []
            if progress is not None:
                progress("slicing", number, recording.clip.count)
    if lines:
        yield _picture(lines, seconds, cut.is_row != transpose, marks)


def _picture(lines: list[Picture], seconds: list[float], downwards: bool, marks: bool) -> Picture:
    stacked: Any = np.stack(lines)
    if marks:
        stacked = np.concatenate([stacked, _marks(seconds, stacked)], axis=1)
    picture: Picture = stacked if downwards else stacked.swapaxes(0, 1)
    return picture


def _marks(seconds: list[float], stacked: Picture) -> Picture:
    """White, but black where a second begins: (T, MARK, 3)."""
    whole = np.floor(np.array(seconds) + 1e-9)
    begins = np.diff(whole, prepend=whole[0] - 1) > 0
    strip: Picture = np.full((len(stacked), MARK, 3), np.iinfo(stacked.dtype).max, stacked.dtype)
    strip[begins] = 0
    return strip
