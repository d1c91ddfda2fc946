"""When a video's frames are shown: what its container states, checked against its time stamps."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from magnify.errors import VideoError

NOTED_JITTER = 0.05
"""Frame intervals that stray this far from the typical one make frequencies uncertain."""

LARGEST_STAMP = 2**60
"""Ticks: no clock gets there, and what is added to it stays within 64 bits."""

CLOCK_FALL = Fraction(1, 2)
"""Seconds: a clock that falls back farther was set anew. Less is a file's inaccuracy."""

LONGEST_FRAME = Fraction(6 * 3600)
"""Seconds that a frame may be shown. A clock with a longer gap is damaged."""

LONGEST_STATED = Fraction(3600)
"""Seconds that a last frame or a packet of sound is believed to last, as nothing follows it that
could tell."""

_LARGEST_RATE = 1_000_000
_DISAGREEMENT = Fraction(1, 20)
"""How far the stated rate may be from the mean of the time stamps, relative to it."""

_COUNTING = ("mov",)
"""Containers, by the start of their name, whose rate is counted and not nominal."""

_FROM_ZERO = ("matroska", "asf")
"""Containers whose duration includes the time before the first frame."""


@dataclass(frozen=True)
class Timing:
    """The attributes of the same name of `VideoInfo`; `jitter` is its `frame_interval_jitter`."""

    average_rate: Fraction | None
    stated_rate: Fraction | None
    frames: int | None
    duration: float | None
    end_pts: int | None
    jitter: float
    notices: list[str]


def stream_timing(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    time_stamps: list[int],
    *,
    complete: bool,
) -> Timing:
    """What is known of a stream from its container and the sorted time stamps of its beginning.

    `complete` says whether these are all that there are.

    Raises:
        VideoError: the clock has a gap that no video has.
    """
    assert stream.time_base is not None
    check_clock(path, time_stamps, stream.time_base)
    jitter = _interval_jitter(time_stamps)
    counting = container.format.name.startswith(_COUNTING)
    stated = stream.average_rate or stream.guessed_rate or None
    mean = _mean_rate(time_stamps, stream.time_base)
    rate, notices = stated, list[str]()
    counted_wrongly = stream.duration is not None and stream.duration < _reach(time_stamps)
    varying = jitter > NOTED_JITTER and (not counting or counted_wrongly)
    if mean is not None and (stated is None or varying):
        rate = mean
    elif mean and stated and _contradicts(stated, mean, stream.time_base, len(time_stamps), jitter):
        rate = mean
        notices.append(
            f"the file states {float(stated):.6g} frames a second; its time stamps say "
            f"{float(mean):.6g}, which is used"
        )
    if rate is not None and not 0 < rate <= _LARGEST_RATE:
        rate = None
    counted = stream.frames if counting or rate is stated else 0
    duration = _duration(container, stream, time_stamps, complete)
    return Timing(
        average_rate=rate,
        stated_rate=stated,
        frames=counted or (round(duration * rate) if duration and rate else None),
        duration=duration,
        end_pts=_end(stream) if counting else None,
        jitter=jitter,
        notices=notices,
    )


def check_clock(path: Path, time_stamps: list[int], time_base: Fraction) -> None:
    """VideoError if neighbours are farther apart than any frame is shown, or beyond counting."""
    for before, after in pairwise(time_stamps):
        if (after - before) * time_base > LONGEST_FRAME:
            raise VideoError(f"{path}: {leap(before, after, time_base)}")
    if any(abs(time_stamp) > LARGEST_STAMP for time_stamp in time_stamps):
        raise VideoError(f"{path}: {leap(0, time_stamps[-1], time_base)}")


def leap(before: int, after: int, time_base: Fraction) -> str:
    """A gap in a clock, in words."""
    return (
        f"its clock leaps from {float(before * time_base):.6g} s to "
        f"{float(after * time_base):.6g} s; give its frames new time stamps first, for instance "
        "with: ffmpeg -i IN -vf setpts=N/25/TB OUT.mkv"
    )


def _contradicts(
    stated: Fraction, mean: Fraction, time_base: Fraction, count: int, jitter: float
) -> bool:
    """Whether time stamps, which may be rounded, show that the stated rate is wrong.

    Where intervals vary, those that were looked at need not be typical.
    """
    rounding = 2 * time_base * mean / count
    return jitter <= NOTED_JITTER and abs(stated / mean - 1) > _DISAGREEMENT + rounding


def _duration(
    container: InputContainer, stream: VideoStream, time_stamps: list[int], complete: bool
) -> float | None:
    """In seconds, at least as long as the time stamps reach; None if nothing tells."""
    assert stream.time_base is not None
    stated = Fraction(0)
    if stream.duration is not None and stream.duration > 0:
        stated = stream.duration * stream.time_base
    elif container.duration and container.duration > 0:
        stated = Fraction(container.duration, av.time_base)
        start = Fraction(container.start_time or 0, av.time_base)
        if container.format.name.startswith(_FROM_ZERO) and 0 < start < stated:
            stated -= start
    reach = _reach(time_stamps)
    if not (stated or complete):
        return None
    if stated < reach * stream.time_base:
        stated = (reach + _typical(time_stamps)) * stream.time_base
    return float(stated) if stated else None


def _reach(time_stamps: list[int]) -> int:
    return time_stamps[-1] - time_stamps[0] if time_stamps else 0


def _end(stream: VideoStream) -> int | None:
    if stream.duration is None or stream.start_time is None:
        return None
    return stream.start_time + stream.duration


def _mean_rate(time_stamps: list[int], time_base: Fraction) -> Fraction | None:
    if len(time_stamps) < 3 or time_stamps[-1] == time_stamps[0]:
        return None
    seconds = (time_stamps[-1] - time_stamps[0]) * time_base
    return ((len(time_stamps) - 1) / seconds).limit_denominator(100_000)


def _interval_jitter(time_stamps: list[int]) -> float:
    """A deviation of one tick is rounding: a container's ticks need not divide the interval."""
    if len(time_stamps) < 2:
        return 0.0
    typical = _typical(time_stamps)
    deviation = max(abs(after - before - typical) for before, after in pairwise(time_stamps))
    return max(0.0, float(deviation - 1)) / float(typical) if typical else 0.0


def _typical(time_stamps: list[int]) -> Fraction:
    """The median interval, in ticks."""
    intervals = [after - before for before, after in pairwise(time_stamps)]
    return Fraction(statistics.median(intervals))
