"""Pictures of another size."""

import av
import numpy as np
from av.video.reformatter import Interpolation

from magnify.video.colour import Picture


def scaled(picture: Picture, height: int, width: int) -> Picture:
    """An RGB picture (H, W, 3) as `height` times `width`; what gets smaller is averaged."""
    if picture.shape[:2] == (height, width):
        return picture
    rgb = "rgb24" if picture.dtype == np.uint8 else "rgb48le"
    frame = av.VideoFrame.from_ndarray(picture.copy(order="C"), format=rgb)
    smaller = height < picture.shape[0]
    way = Interpolation.AREA if smaller else Interpolation.BICUBIC
    resized: Picture = frame.reformat(  # type: ignore[assignment]
        width=width, height=height, format=rgb, interpolation=way
    ).to_ndarray()
    return resized


def fitted_size(height: int, width: int, longest: int) -> tuple[int, int]:
    """The even size, of the same shape, whose longer side is `longest` at most."""
    shrink = min(1.0, longest / max(height, width))
    rows, columns = (max(2, round(side * shrink / 2) * 2) for side in (height, width))
    return rows, columns
