"""Reads some frames of a real clip, spread over it."""

from itertools import islice
from pathlib import Path

import numpy as np

from magnify.errors import SettingsError
from magnify.video import Picture, VideoReader


def excerpt(clip: Path, frames: int) -> Picture:
    """Reads `frames` frames or fewer, evenly apart from the first one on: (T, H, W, 3).

    Raises:
        VideoError: the clip cannot be read.
        SettingsError: there are fewer than two.
    """
    with VideoReader(clip) as reader:
        step = max(1, (reader.info.frames or frames) // frames)
        pictures = [frame.picture for frame in islice(reader, 0, frames * step, step)]
    if len(pictures) < 2:
        raise SettingsError(f"{clip}: two frames or more are needed to compare")
    spread: Picture = np.stack(pictures)  # type: ignore[assignment]
    return spread
