"""A clip as a viewer sees it: upright, in luma, on the clock of the camera."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.motion.luma import Levels, luma
from magnify.motion.regions import Region
from magnify.pipeline.clips import VideoClip
from magnify.video import Frame, Picture
from magnify.video.orientation import upright, upright_info

UNEVEN = 0.01
"""Frame intervals that stray so far, relative to the typical one, are taken as they are."""
HIGHEST_LEVEL = 255

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is being done, how many frames are done, and how many there are, if known."""


@dataclass(frozen=True)
class Instant:
    """One frame: seconds on the file's clock since the first, the picture, and its luma."""

    seconds: float
    picture: Picture
    levels: Levels


class Recording:
    """Reads the part of a clip that was asked for, rotated as a player would show it.

    Args:
        path: a video, a folder of pictures or a printf pattern (these need `fps`).
        sampling_rate: frames of the file per real second, where it is no longer that of the
            file; in Hz.

    Attributes:
        height, width: of the upright picture, in pixels.
        level_step: one grey level of the source on the scale of 0 to 255.
        rate: frames per real second.

    Raises:
        VideoError: the clip cannot be read.
        SettingsError: the range, or the sampling rate, cannot be.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float | None = None,
        sampling_rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
        max_frames: int | None = None,
    ) -> None:
        if sampling_rate is not None and not 0 < sampling_rate < float("inf"):
            raise SettingsError(f"the sampling rate must be above 0 Hz, not {sampling_rate:g}")
        self.path = Path(path)
        self.clip = VideoClip(path, fps=fps, start=start, end=end, max_frames=max_frames)
        info = self.clip.info
        self.info = info if info.display_matrix is None else upright_info(info)
        self.height, self.width = self.info.height, self.info.width
        self.level_step = HIGHEST_LEVEL / (2.0**info.bit_depth - 1)
        self.stated_rate = self.clip.rate
        self.sampling_rate = sampling_rate

    @property
    def rate(self) -> float:
        rate = self.sampling_rate or self.stated_rate
        if rate is None:
            raise SettingsError(
                f"{self.path}: the file states no frame rate; give the sampling rate"
            )
        return rate

    def frames(self) -> Generator[tuple[float, Frame], None, None]:
        """All frames upright, in order, and when each comes: seconds since the first."""
        matrix = self.clip.info.display_matrix
        first: int | None = None
        with closing(self.clip.frames()) as frames:
            for frame in frames:
                first = frame.pts if first is None else first
                if matrix is not None:
                    frame = replace(frame, picture=upright(frame.picture, matrix))
                yield float((frame.pts - first) * self.clip.info.time_base), frame

    def instants(self) -> Generator[Instant, None, None]:
        """All frames in order, from the first, with their luma."""
        with closing(self.frames()) as frames:
            for seconds, frame in frames:
                yield Instant(seconds, frame.picture, luma(frame.picture))

    def check(self, region: Region, least: int) -> None:
        """Checks that a region lies inside the picture and is large enough to measure.

        Raises:
            SettingsError: it does not, or a side has fewer than `least` pixels.
        """
        region.check_inside(self.height, self.width)
        if min(region.width, region.height) < least:
            raise SettingsError(f"region {region} is too small: each side needs {least} pixels")

    def clock(self, seconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Times of frames on the camera's clock, and how unevenly they come.

        Even frames are counted, so that a container's rounded time stamps do no harm; uneven
        ones keep their stamps, stretched by the file's rate over the sampling rate.
        """
        jitter = self._jitter(seconds)
        if jitter <= UNEVEN or self.stated_rate is None:
            return np.arange(len(seconds)) / self.rate, jitter
        return seconds * (self.stated_rate / self.rate), jitter

    def _jitter(self, seconds: NDArray[np.float64]) -> float:
        intervals = np.diff(seconds)
        if not len(intervals):
            return 0.0
        typical = float(np.median(intervals))
        tick = float(self.clip.info.time_base)
        farthest = float(np.abs(intervals - typical).max())
        return max(0.0, farthest - tick) / typical
