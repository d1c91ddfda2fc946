"""Reading video: decoded frames as RGB pictures, each with its time stamp."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.hwaccel import HWAccel

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.video.colour import ColourConverter, Picture
from magnify.video.decoding import CLOCK_FALL, Decoder, card_decoder
from magnify.video.images import ImageDecoder
from magnify.video.info import IMAGES, VideoInfo, probe

END_PRECISION = Fraction(1, 500)
"""Seconds: QuickTime and MP4 files round their end to the ticks of the whole movie, 1/600 often."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video and when it is shown.

    Attributes:
        picture: RGB as stored, before any rotation, full range, (H, W, 3); uint8 for sources of 8
            bits, uint16 for deeper ones. Transparency is dropped, not blended with anything.
        pts: when it appears, in ticks of the video's time base, on the source's own clock.
        duration: how long it stays, in ticks.
    """

    picture: Picture
    pts: int
    duration: int


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
        _check_range(source, start, end, max_frames)
        self._first_pts = source.start_pts + _ticks(start or 0.0, source.time_base)
        self._end_pts = inf if end is None else source.start_pts + _ticks(end, source.time_base)
        self._max_frames = inf if max_frames is None else max_frames
        self.info = replace(
            source,
            frames=_expected_frames(source, start or 0.0, end, max_frames),
            cut_start=(self._first_pts - source.start_pts) * source.time_base,
            cut_end=end is not None or max_frames is not None,
        )
        decoder = None if card is None else card_decoder(Path(path), card)
        self.on_card = decoder is not None
        self._source = _open(self.info, self._first_pts, decoder)
        self._clock_restarts = False
        self._frames = self._read()

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
                yield Frame(converter.to_picture(frame, info.colour, info.bit_depth), pts, duration)
                delivered += 1
        if not delivered:
            raise VideoError(f"{info.path}: no frame lies in the chosen range")
        damage = self._source.damage
        if self._clock_restarts:
            damage = (
                "its clock starts anew, as in recordings that were joined; let FFmpeg copy it "
                "first: ffmpeg -i IN -c copy OUT.mkv"
            )
        if damage:
            raise TruncatedInputError(f"{info.path}: {damage}; {delivered} frames were read")

    def _timed(self) -> Generator[tuple[av.VideoFrame, int, int], None, None]:
        """Frames with their time stamps and durations; a frame lasts until the next one."""
        info = self.info
        interval = round(1 / (info.average_rate * info.time_base)) if info.average_rate else 1
        fall = round(CLOCK_FALL / info.time_base)
        held: av.VideoFrame | None = None
        pts = info.start_pts
        with closing(iter(self._source)) as decoded:
            for frame in decoded:
                if held is not None:
                    expected = pts + (held.duration or interval)
                    stated = expected if frame.pts is None else frame.pts
                    if stated < pts - fall:
                        self._clock_restarts = True
                        break
                    after = max(stated, pts + 1)
                    yield held, pts, after - pts
                    pts = after
                elif frame.pts is not None:
                    pts = frame.pts
                held = frame
        if held is not None:
            yield held, pts, self._last_duration(pts, held.duration or interval)

    def _last_duration(self, pts: int, stated: int) -> int:
        """Up to where the container says the video ends, if that is more than its rounding."""
        if self.info.end_pts is None or self._source.damage or self._clock_restarts:
            return stated
        rest = self.info.end_pts - pts
        rounding = END_PRECISION / self.info.time_base
        return rest if rest > 0 and abs(rest - stated) > rounding else stated


def _open(info: VideoInfo, first_pts: int, card: HWAccel | None) -> Decoder | ImageDecoder:
    assert info.path is not None
    if info.container == IMAGES:
        return ImageDecoder(info.path)
    return Decoder(info.path, first_pts if info.cut_start else None, card)


def _check_range(
    info: VideoInfo, start: float | None, end: float | None, max_frames: int | None
) -> None:
    if start is not None and not 0 <= start < inf:
        raise SettingsError(f"start must be 0 s or later, not {start}")
    if end is not None and not (start or 0.0) < end < inf:
        raise SettingsError(f"end must be later than the start ({start or 0.0} s), not {end}")
    if max_frames is not None and max_frames < 1:
        raise SettingsError(f"max_frames must be 1 or more, not {max_frames}")
    if start is not None and info.duration is not None and start >= info.duration:
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
