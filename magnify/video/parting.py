"""Encoding a video in parts, each by itself, that one writer joins."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from magnify.errors import VideoError
from magnify.video.choices import Encoding
from magnify.video.colour import without_colour
from magnify.video.encoder import BEFORE_ALL, Clock, VideoEncoder
from magnify.video.encoding import UNTURNED, container_suffix, encoder_settings
from magnify.video.image_output import PictureEncoder, image_target
from magnify.video.info import VideoInfo
from magnify.video.opening import EXACT_TAGS
from magnify.video.orientation import upright, upright_info
from magnify.video.output import LARGEST_MOV_DURATION, MOV_FAMILY, first_shift
from magnify.video.reader import Frame
from magnify.video.segment import Segment


@dataclass(frozen=True)
class ClockState:
    """What a part has to know of the time stamps before it.

    Attributes:
        shift: seconds by which the whole video is moved earlier.
        earliest: the first tick of the output that is left.
    """

    shift: Fraction
    earliest: int = BEFORE_ALL


class SegmentEncoder:
    """Encodes one part of an output, in memory.

    Args:
        path: of the whole output, which says how it is encoded.
        scratch: a file that may be made meanwhile; it is gone in the end.
        source: what is known of the whole source.
        encoding: codec and quality.
        clock: what the part before left; None: this one is the first.

    Raises:
        SettingsError: on construction: the source cannot be encoded so.
    """

    def __init__(
        self,
        path: Path,
        scratch: Path,
        source: VideoInfo,
        encoding: Encoding,
        clock: ClockState | None = None,
    ) -> None:
        self._path, self._info, self._clock = path, source, clock
        suffix = container_suffix(path, encoding)
        self._matrix = turned(path, suffix, source)
        self._first: int | None = None
        self._packets: list[Packet[VideoStream]] = []
        self._frames = 0
        info = source if self._matrix is None else upright_info(source)
        self._pictures: PictureEncoder | None = None
        if image_target(path):
            self._pictures = PictureEncoder(info)
            return
        settings = encoder_settings(encoding, suffix, info, lambda text: None)
        # An encoder is set up for the container that its packets go to; no byte is written to it.
        self._scratch = scratch.with_suffix(suffix)
        self._container = av.open(f"file:{self._scratch}", "w", **EXACT_TAGS)
        self._video = VideoEncoder(self._container, info, settings)

    def clock(self, first_pts: int) -> Clock:
        """The clock of the whole output, before its first frame, which the source shows then."""
        if self._pictures is not None:  # they have no time
            return Clock(self._info.time_base)
        return Clock(self._video.clock.tick, first_shift(self._info, first_pts))

    def write(self, frame: Frame) -> None:
        """Encode the next frame.

        Raises:
            VideoError: it does not fit into the output.
        """
        if self._first is None:
            self._begin(frame.pts)
        frame = fitted(frame, self._info, self._path, self._matrix)
        encode = self._video.encode if self._pictures is None else self._pictures.encode
        self._packets += encode(frame)
        self._frames += 1

    def finish(self) -> tuple[Segment, ClockState]:
        """The part, and what the next one has to know."""
        assert self._first is not None, "a part has a frame"
        if self._pictures is not None:
            end = Fraction(self._frames)
            part = Segment.of(b"", self._frames, self._first, end, self._packets)
            return part, ClockState(Fraction(0))
        self._packets += self._video.flush()
        clock = self._video.clock
        header = self._video.header
        part = Segment.of(header, self._frames, self._first, clock.end, self._packets)
        return part, ClockState(clock.shift, clock.earliest)

    def close(self) -> None:
        """Let go of everything."""
        if self._pictures is None:
            with suppress(av.FFmpegError, OSError, ValueError):  # of a trailer for no packets
                self._container.close()
            self._scratch.unlink(missing_ok=True)

    def _begin(self, first_pts: int) -> None:
        self._first = first_pts
        if self._pictures is None:
            clock = self._clock or ClockState(first_shift(self._info, first_pts))
            self._video.clock.shift, self._video.clock.earliest = clock.shift, clock.earliest


def turned(path: Path, suffix: str, info: VideoInfo) -> tuple[int, ...] | None:
    """How pictures have to be turned for an output that cannot say it; None if it can."""
    return info.display_matrix if image_target(path) or suffix in UNTURNED else None


def fitted(frame: Frame, info: VideoInfo, path: Path, matrix: tuple[int, ...] | None) -> Frame:
    """A frame as the output at `path` takes it, turned by `matrix`.

    Raises:
        VideoError: the picture has another size, or lasts longer than such a file can say.
    """
    height, width = frame.picture.shape[:2]
    if (width, height) != (info.width, info.height):
        raise VideoError(
            f"{path}: a {width}x{height} picture does not fit into a video of "
            f"{info.width}x{info.height}"
        )
    if path.suffix.lower() in MOV_FAMILY and frame.duration > LARGEST_MOV_DURATION:
        begin, length = (float(t * info.time_base) for t in (frame.pts, frame.duration))
        raise VideoError(
            f"{path}: the frame at {begin:.6g} s lasts {length:.6g} s, longer than such "
            "files can say; use .mkv"
        )
    if frame.grey:
        frame = replace(frame, picture=without_colour(frame.picture))
    return frame if matrix is None else replace(frame, picture=upright(frame.picture, matrix))
