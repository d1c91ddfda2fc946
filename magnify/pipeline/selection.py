"""Where motion is magnified: a rectangle, a mask, or both; the rest stays as it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from magnify.errors import SettingsError
from magnify.motion.regions import Region
from magnify.settings import Option

WHERE = "Where"


@dataclass(frozen=True)
class Selection:
    """What of the picture is magnified; all of it by default.

    Attributes:
        roi: a rectangle x, y, width, height in pixels of the picture as displayed.
        mask: a picture of that size: white is magnified, black stays, grey is in between.
        feather: over how many pixels the edges fade. Those of `roi` do so outside of it.
    """

    roi: Annotated[
        tuple[int, int, int, int] | None,
        Option("Magnify only in this rectangle.", WHERE, parse=Region.parse, metavar="X,Y,W,H"),
    ] = None
    mask: Annotated[
        Path | None,
        Option("Magnify only where this picture is white.", WHERE),
    ] = None
    feather: Annotated[
        float, Option("Let the edges fade over so many pixels.", WHERE, minimum=0)
    ] = 8.0

    def __post_init__(self) -> None:
        if self.roi is not None:
            object.__setattr__(self, "roi", Region.parse(",".join(map(str, self.roi))))
        if self.mask is not None:
            object.__setattr__(self, "mask", Path(self.mask))
        if not 0 <= self.feather < float("inf"):
            raise SettingsError(f"the feather must be 0 pixels or more, not {self.feather:g}")

    @property
    def is_all(self) -> bool:
        """Whether it is the whole picture."""
        return self.roi is None and self.mask is None
