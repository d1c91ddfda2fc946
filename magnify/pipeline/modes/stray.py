"""Where a clip settles: whether its first frames lie off those behind them."""

from contextlib import closing, suppress
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from magnify.motion.luma import Levels, luma
from magnify.motion.registration import TextureError
from magnify.motion.steadying import WholeShift

if TYPE_CHECKING:
    from magnify.pipeline.clips import Clip

MOST = 3
"""Frames that may be out of place at a clip's start."""

STRAY = 1.0
"""Pixels that they lie off those behind them, at least."""

LOOKED_BEHIND = 4
"""Frames behind that have to agree with each other, ten times as well."""

AGREE = 0.1

LEAP = 2.0
"""How much more than usual a picture changes where one out of place gives way, at least."""


def stray_start(clip: "Clip") -> tuple[int, float]:
    """The first frame that lies where those behind it do, and how far the first lies off it.

    0 and 0 where nothing is out of place, or it cannot be told.
    """
    with closing(clip.frames()) as frames:
        levels = [luma(frame.picture) for frame in islice(frames, MOST + LOOKED_BEHIND)]
    if len(levels) <= LOOKED_BEHIND or not _leaps(levels):
        return 0, 0.0
    with suppress(TextureError):
        whole = WholeShift(levels[0])
        shifts = np.array([whole(picture) for picture in levels[1:]])
        for index in range(1, len(levels) - LOOKED_BEHIND + 1):
            behind = shifts[index - 1 : index - 1 + LOOKED_BEHIND]
            middle = np.median(behind, axis=0)
            off = float(np.hypot(*middle))
            spread = float(np.hypot(*(behind - middle).T).max())
            before = shifts[: index - 1] - middle
            strays = all(np.hypot(*shift) > max(STRAY, spread / AGREE) for shift in before)
            if off > max(STRAY, spread / AGREE) and strays:
                return index, off
    return 0, 0.0


def _leaps(levels: list[Levels]) -> bool:
    """Whether one of the first changes is larger than those behind, in small copies."""
    changes = [float(np.abs(after - before).mean()) for before, after in pairwise(levels)]
    return max(changes[:MOST]) > LEAP * float(np.median(changes[MOST:]))
