"""How steady a network leaves what is known to stand still in a real clip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from magnify.errors import SettingsError
from magnify.evaluation.excerpt import excerpt
from magnify.evaluation.methods import Method
from magnify.evaluation.quality import TemporalDeviation, levels, temporal_deviation
from magnify.video import Picture


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
    """Temporal deviation of one region, of the output and of the input, in grey levels of 255."""

    region: Region
    alpha: float
    output: TemporalDeviation
    input: TemporalDeviation


def evaluate_still(
    method: Method,
    clip: Path,
    regions: list[Region],
    alphas: tuple[float, ...],
    frames: int,
) -> Iterator[StillScore]:
    """Magnifies `frames` frames spread over a clip, the first one the reference, at each alpha.

    The clip is read at once, the network works when the scores are asked for.

    Raises:
        VideoError: the clip cannot be read.
        SettingsError: a region leaves the picture, or there are fewer than two frames.
    """
    pictures = excerpt(clip, frames)
    inputs = [temporal_deviation(levels(region.cut(pictures))) for region in regions]

    def scores() -> Iterator[StillScore]:
        for alpha in alphas:
            output = method(pictures, alpha, None)
            for region, before in zip(regions, inputs, strict=True):
                after = temporal_deviation(levels(region.cut(output)))
                yield StillScore(region, alpha, after, before)

    return scores()
