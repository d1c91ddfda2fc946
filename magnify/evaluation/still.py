"""How steady a network leaves what is known to stand still in a real clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.evaluation.methods import Method
from magnify.evaluation.quality import Unrest, unrest
from magnify.video import Picture, VideoReader


class Region(NamedTuple):
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `x,y,w,h`.

        Raises:
            SettingsError: the text is no rectangle.
        """
        try:
            region = cls(*(int(part) for part in text.split(",")))
        except (TypeError, ValueError):
            region = cls(-1, 0, 0, 0)
        if min(region.x, region.y) < 0 or min(region.width, region.height) < 1:
            raise SettingsError(
                f"'{text}' is no region; write x,y,w,h in pixels, such as 0,0,64,48"
            )
        return region

    def cut(self, pictures: Picture) -> Picture:
        """That part of (T, H, W, 3).

        Raises:
            SettingsError: it does not lie inside.
        """
        height, width = pictures.shape[1:3]
        if self.x + self.width > width or self.y + self.height > height:
            raise SettingsError(
                f"region {','.join(map(str, self))} leaves the picture, which is {width}x{height}"
            )
        return pictures[:, self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True)
class StillScore:
    """Unrest of one region, of the output and of the input, in grey levels of 255."""

    region: Region
    alpha: float
    output: Unrest
    input: Unrest


def evaluate_still(
    method: Method,
    clip: Path,
    regions: list[Region],
    alphas: tuple[float, ...],
    frames: int,
) -> Iterator[StillScore]:
    """Magnifies `frames` frames spread over a clip, the first one the reference, at each alpha.

    Raises:
        VideoError: the clip cannot be read.
        SettingsError: a region leaves the picture, or there are fewer than two frames.
    """
    pictures = _spread(clip, frames)
    inputs = [unrest(_levels(region.cut(pictures))) for region in regions]
    for alpha in alphas:
        output = method(pictures, alpha, None)
        for region, before in zip(regions, inputs, strict=True):
            yield StillScore(region, alpha, unrest(_levels(region.cut(output))), before)


def _spread(clip: Path, frames: int) -> Picture:
    with VideoReader(clip) as reader:
        step = max(1, (reader.info.frames or frames) // frames)
        pictures = [frame.picture for frame in islice(reader, 0, frames * step, step)]
    if len(pictures) < 2:
        raise SettingsError(f"{clip}: unrest over time needs two frames or more")
    spread: Picture = np.stack(pictures)  # type: ignore[assignment]
    return spread


def _levels(pictures: Picture) -> NDArray[np.floating]:
    return pictures * (255 / np.iinfo(pictures.dtype).max)
