"""Grey levels of a picture: what motion is measured on."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.video import Picture

Levels: TypeAlias = NDArray[np.float32]
"""(H, W), grey levels from 0 to 255 whatever the bit depth."""

BT709 = (0.2126, 0.7152, 0.0722)


def luma(picture: Picture) -> Levels:
    """The luma of an RGB picture (H, W, 3), uint8 or uint16, by BT.709's weights."""
    scale = 255 / np.iinfo(picture.dtype).max
    red, green, blue = (
        picture[..., channel] * np.float32(weight * scale) for channel, weight in enumerate(BT709)
    )
    levels: Levels = red + green + blue
    return levels
