"""Reading video: decoded frames as RGB pictures, each with its time stamp."""

from collections.abc import Generator, Iterator
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.messages import counted
from magnify.video.choices import check_range
from magnify.video.colour import ColourConverter, ColourTags, Picture, is_grey
from magnify.video.decoding import Decoder, card_decoder, reaches
from magnify.video.images import ImageDecoder
from magnify.video.info import IMAGES, VideoInfo, probe
from magnify.video.timing import CLOCK_FALL, LONGEST_FRAME, LONGEST_STATED, leap

END_PRECISION = Fraction(1, 500)
"""Seconds: QuickTime and MP4 files round their end to the ticks of the whole movie, 1/600 often."""

CLOCK_RESTARTS = (
    "its clock starts anew, as in recordings that were joined; let FFmpeg copy it first: "
    "ffmpeg -i IN -c copy OUT.mkv"
)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video and when it is shown.

    Attributes:
        picture: RGB as stored, before any rotation, full range, (H, W, 3); uint8 for sources of 8
            bits, uint16 for deeper ones. Transparency is dropped, not blended with anything.
        pts: when it appears, in ticks of the video's time base, on the source's own clock.
        duration: how long it stays, in ticks.
        grey: whether it is stored without colour; then it is written so, too.
        whole: the picture that `picture` is a part of; None if it is all.
    """

    picture: Picture
    pts: int
    duration: int
    grey: bool = False
    whole: Picture | None = None


@dataclass(frozen=True)
class Place:
    """Where a frame lies among those of a reader: its number, from 0, and its time stamp."""

    number: int
    pts: int


class VideoReader:
    """Iterates once over a video's frames in the order in which they are shown.

    `start` and `end` are seconds since the first frame (frames in [start, end) are delivered);
    `max_frames` counts from `start`. `fps` is for image sequences: a folder or a printf pattern.
    `card` is the number of an NVIDIA card that is to decode, where it can; `on_card` says whether
    it does. Time stamps increase strictly; where the file lacks one, the frame before it tells.

    Raises:
        VideoError: on construction, there is no such video; while iterating, it has no frame in
            the range, or frames of different sizes.
        SettingsError: on construction, the range or `fps` makes no sense.
        TruncatedInputError: after all frames that could be decoded, the file is damaged or ends
            before it should.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: Fraction | float | None = None,
        start: float | None = None,
        end: float | None = None,
        max_frames: int | None = None,
        card: int | None = None,
    ) -> None:
        source = probe(path, fps=fps)
        check_range(start, end, max_frames)
        _check_start(source, start)
        self._first_pts = source.start_pts + _ticks(start or 0.0, source.time_base)
        self._end_pts = inf if end is None else source.start_pts + _ticks(end, source.time_base)
        self._max_frames = inf if max_frames is None else max_frames
        self._images = source.frames or 0
        self.info = replace(
            source,
            frames=_expected_frames(source, start or 0.0, end, max_frames),
            cut_start=(self._first_pts - source.start_pts) * source.time_base,
            cut_end=end is not None or max_frames is not None,
        )
        self._card = None if card is None else card_decoder(Path(path), card)
        self.on_card = self._card is not None
        self._begin()

    def _begin(self, place: Place | None = None) -> None:
        if place is not None:
            self._first_pts = place.pts
            self._max_frames -= place.number
        self._source = self._decoder(place is not None or bool(self.info.cut_start))
        self._clock_damage: str | None = None
        self._frames = self._read()

    def _decoder(self, later: bool) -> Decoder | ImageDecoder:
        """`later`: it need not begin with the file's first frame."""
        info = self.info
        assert info.path is not None
        if info.container == IMAGES:
            return ImageDecoder(info.path, self._images, int(self._first_pts) if later else 0)
        return Decoder(info.path, info.state, self._first_pts if later else None, self._card)

    def again(self, place: Place | None = None) -> Self:
        """A reader of the same frames from `place` on, without looking at the file anew.

        Without a place it begins with the first. Iterating over it raises VideoError if another
        file has taken the place of this one.
        """
        other = copy(self)
        other._begin(place)
        return other

    @property
    def seen_damage(self) -> str | None:
        """What was damaged in the frames read so far, in words; None if nothing was."""
        return self._clock_damage or self._source.seen_damage

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def close(self) -> None:
        """Closes the file. No other thread may be iterating at that moment."""
        self._frames.close()

    def _read(self) -> Generator[Frame, None, None]:
        info = self.info
        converter = ColourConverter()
        delivered = 0
        # Explicitly closed, here and below: a Ctrl-C that falls into a destructor is lost.
        with closing(self._timed()) as timed:
            for frame, pts, duration in timed:
                if pts < self._first_pts:
                    continue
                if pts >= self._end_pts or delivered >= self._max_frames:
                    break
                if (frame.width, frame.height) != (info.width, info.height):
                    raise VideoError(
                        f"{info.path}: frame {delivered} is {frame.width}x{frame.height}, those "
                        f"before it {info.width}x{info.height}; split the video where its size "
                        "changes"
                    )
                colour = ColourTags.of(frame).filled_from(info.colour)
                picture = converter.to_picture(frame, colour, info.bit_depth)
                yield Frame(picture, pts, duration, is_grey(frame.format.name))
                delivered += 1
        if not delivered:
            raise VideoError(f"{info.path}: no frame lies in the chosen range")
        damage = self._clock_damage or self._source.damage
        if damage:
            raise TruncatedInputError(
                f"{info.path}: {damage}; {counted(delivered, 'frame')} could be read"
            )

    def _timed(self) -> Generator[tuple[av.VideoFrame, int, int], None, None]:
        """Frames with their time stamps and durations; a frame lasts until the next one."""
        info = self.info
        interval = round(1 / (info.average_rate * info.time_base)) if info.average_rate else 1
        fall = round(CLOCK_FALL / info.time_base)
        longest = max(round(LONGEST_FRAME / info.time_base), interval)
        held: av.VideoFrame | None = None
        pts = info.start_pts
        with closing(iter(self._source)) as decoded:
            for frame in decoded:
                if held is not None:
                    expected = pts + (held.duration or interval)
                    stated = expected if frame.pts is None else frame.pts
                    if stated < pts - fall:
                        self._clock_damage = CLOCK_RESTARTS
                        break
                    after = max(stated, pts + 1)
                    if after - pts > longest:
                        self._clock_damage = leap(pts, after, info.time_base)
                        break
                    yield held, pts, after - pts
                    pts = after
                elif frame.pts is not None:
                    pts = frame.pts
                held = frame
        if held is not None:
            yield held, pts, self._last_duration(pts, held.duration or interval)

    def _last_duration(self, pts: int, stated: int) -> int:
        """Up to where the container says the video ends, if that is more than its rounding."""
        info = self.info
        longest = round(LONGEST_STATED / info.time_base)
        if info.average_rate:
            longest = max(longest, round(1 / (info.average_rate * info.time_base)))
        stated = max(1, min(stated, longest))
        if info.end_pts is None or self._source.damage or self._clock_damage:
            return stated
        rest = info.end_pts - pts
        rounding = END_PRECISION / info.time_base
        return rest if 0 < rest <= longest and abs(rest - stated) > rounding else stated


def _check_start(info: VideoInfo, start: float | None) -> None:
    if start is not None and info.duration is not None and start >= info.duration:
        first = info.start_pts + _ticks(start, info.time_base)
        if info.container == IMAGES or info.path is None or not reaches(info.path, first):
            raise SettingsError(
                f"start {start} s is beyond the end of {info.path} ({info.duration:.3f} s)"
            )


def _ticks(seconds: float, time_base: Fraction) -> int:
    """The tick nearest to a time that a user wrote in decimals."""
    return round(Fraction(seconds) / time_base)


def _expected_frames(
    info: VideoInfo, start: float, end: float | None, max_frames: int | None
) -> int | None:
    frames = info.frames
    if frames is not None and info.duration:
        seconds = min(inf if end is None else end, info.duration) - start
        frames = min(frames, max(1, round(frames * seconds / info.duration)))
    if max_frames is None:
        return frames
    return max_frames if frames is None else min(frames, max_frames)
