"""A region is a rectangle of a picture's pixels."""

from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from magnify.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pictures = TypeVar("Pictures", bound="NDArray[Any]")


class Region(NamedTuple):
    """A rectangle, in pixels from the picture's top left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a region that is written as `x,y,w,h`.

        Raises:
            SettingsError: the text is no rectangle with pixels in it.
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

    def __str__(self) -> str:
        return ",".join(map(str, self))

    def check_inside(self, height: int, width: int) -> None:
        """Checks that pictures of that size hold the whole region.

        Raises:
            SettingsError: they do not.
        """
        if self.x + self.width > width or self.y + self.height > height:
            raise SettingsError(f"region {self} leaves the picture, which is {width}x{height}")

    def cut(self, pictures: Pictures) -> Pictures:
        """Gives the region's part of pictures (T, H, W, ...), as a view.

        Raises:
            SettingsError: the region leaves the pictures.
        """
        self.check_inside(*pictures.shape[1:3])
        rows = slice(self.y, self.y + self.height)
        cut: Pictures = pictures[:, rows, self.x : self.x + self.width]  # type: ignore[assignment]
        return cut
