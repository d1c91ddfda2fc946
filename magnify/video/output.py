"""A video file being written: the encoder, the container, and what is copied beside the video."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from magnify.errors import VideoError
from magnify.video.choices import Encoding
from magnify.video.encoder import VideoEncoder
from magnify.video.encoding import encoder_settings
from magnify.video.info import IMAGES, VideoInfo
from magnify.video.opening import EXACT_TAGS
from magnify.video.pipes import CONTAINERS, StandardOutput
from magnify.video.reader import Frame
from magnify.video.segment import Segment
from magnify.video.streams import StreamCopier

MOV_FAMILY = frozenset({".mp4", ".m4v", ".mov"})
LARGEST_MOV_DURATION = 2**31 - 1
"""Ticks that a frame may last in them."""

_MOV_TAGS = re.compile(
    "(title|artist|album_artist|composer|album|date|comment|genre|copyright|lyrics|description|"
    "synopsis|show|episode_id|network|keywords|track|disc|grouping|creation_time)(-.*)?",
    re.IGNORECASE,  # Matroska writes them in capitals
)
"""The tags that MP4 and QuickTime have places for; any other needs a table of its own."""

_MUXER_OPTIONS = {".y4m": {"strict": "-1"}}  # names of more than 8 bits are no official ones

_LARGEST_TIMESCALE = 2**31 - 1


@contextmanager
def logged_errors() -> Iterator[None]:
    """Errors of FFmpeg that are raised meanwhile have its last line of log, as `log`."""
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture(local=False):  # else the lines would be printed, too
            yield
    finally:
        av.logging.set_level(None)


def first_shift(info: VideoInfo, first_pts: int) -> Fraction:
    """By how many seconds all is moved earlier: the first frame appears when the source's did."""
    return (first_pts - info.start_pts) * info.time_base + info.clock_origin


class ContainerOutput:
    """One video file, opened with everything its header needs; complete after `finish`.

    `suffix` says which kind of container it is.

    Raises:
        SettingsError: the codec, its options and the container do not go together.
        av.FFmpegError: the file cannot be written.
    """

    def __init__(
        self,
        target: Path | StandardOutput,
        suffix: str,
        info: VideoInfo,
        encoding: Encoding,
        metadata: Mapping[str, str],
        notify: Callable[[str], None],
    ) -> None:
        self._info = info
        settings = encoder_settings(encoding, suffix, info, notify)
        self._in_mov = suffix in MOV_FAMILY
        self._delay: int | None = None
        self._held: list[Packet[VideoStream]] = []
        self._shown_before: NDArray[np.int64] | None = None
        self._begun = False
        self._copier: StreamCopier | None = None
        piped = isinstance(target, StandardOutput)
        self._container = av.open(
            target if piped else f"file:{target}",
            "w",
            format=CONTAINERS.get(suffix[1:]),
            options=_MUXER_OPTIONS.get(suffix, {}),
            **EXACT_TAGS,
        )
        try:
            self._video = VideoEncoder(self._container, info, settings)
            tags = self._add_other_streams(encoding.audio, notify)
            own = {key.lower() for key in tags}
            added = {key: value for key, value in metadata.items() if key.lower() not in own}
            self._container.metadata.update({**added, **tags})
            if self._in_mov:
                self._container.container_options.update(self._mov_options(notify))
            with logged_errors():
                self._container.start_encoding()
        except BaseException:
            self.abandon()
            raise

    @property
    def damage(self) -> str | None:
        """What beside the pictures was damaged and is left out so far, in words."""
        return self._copier.damage if self._copier else None

    def write(self, frame: Frame) -> None:
        """Encode a frame and copy what belongs beside it."""
        if not self._begun:
            self._begin(frame.pts)
        self._mux(self._video.encode(frame))
        if self._copier:
            self._copier.copy_until(self._video.clock.end)

    def write_segment(self, segment: Segment) -> None:
        """Write what another encoder with the same settings has made, and what belongs beside it.

        Raises:
            VideoError: it was made with other settings.
        """
        if not self._begun:
            self._begin(segment.first_pts)
        if segment.header != self._video.header:
            raise VideoError("a part was encoded with other settings; begin anew")
        clock = self._video.clock
        decoded = self._decoding_times(segment)
        for packet, dts in zip(
            segment.packets(self._video.stream, clock.tick), decoded, strict=True
        ):
            packet.dts = dts
            self._mux(self._held)
            self._held = [packet]
        clock.end = segment.end
        if self._copier:
            self._copier.copy_until(clock.end)

    def _decoding_times(self, segment: Segment) -> list[int]:
        """When each packet is decoded.

        Frames are decoded in another order than they are shown, and so a few frames ahead: a
        packet's time is that at which the frame so many places before it is shown. A part knows
        nothing of the frames before it; so its own times, which it guessed for its first packets,
        hold for the first part only.
        """
        shown, decoded = np.sort(segment.table[:, 0]), segment.table[:, 1]
        if self._shown_before is None:
            self._shown_before = decoded[decoded < shown[0]]
        times = np.concatenate([self._shown_before, shown])
        self._shown_before = times[len(shown) :]
        return [int(time) for time in times[: len(shown)]]

    def finish(self) -> None:
        """Write everything that is still held back and close the file."""
        self._mux(self._lengthened([*self._held, *self._video.flush()]))
        if self._copier:
            self._copier.copy_until(self._video.clock.end if self._info.cut_end else None)
            self._copier.finish()
            self._copier.close()
        with logged_errors():
            self._container.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        if self._copier:
            self._copier.close()
        # Closing writes a trailer, for which there may be no room.
        with suppress(av.FFmpegError, OSError, ValueError):
            self._container.close()

    def _add_other_streams(self, audio: bool, notify: Callable[[str], None]) -> dict[str, str]:
        info = self._info
        if info.path is None or info.container == IMAGES:
            return {}
        self._copier = StreamCopier(
            info.path,
            info.state,
            self._container,
            origin=info.clock_origin,
            audio=audio,
            notify=notify,
        )
        end = None
        if info.cut_end and info.frames and info.average_rate:
            end = info.cut_start + info.frames / info.average_rate
        return self._copier.describe(self._video.stream, info.cut_start, end, info.average_rate)

    def _mov_options(self, notify: Callable[[str], None]) -> dict[str, str]:
        # Start offsets are stored in the movie's ticks, which must suit video and audio.
        ticks = self._video.clock.tick.denominator
        common = lcm(ticks, *(stream.rate for stream in self._container.streams.audio))
        options = {"movie_timescale": str(common if common <= _LARGEST_TIMESCALE else ticks)}
        if not all(_MOV_TAGS.fullmatch(tag) for tag in self._container.metadata):
            options["movflags"] = "use_metadata_tags"
            if any(s.disposition & Disposition.attached_pic for s in self._container.streams):
                notify("the cover picture gives way to tags that this container has no places for")
        return options

    def _begin(self, first_pts: int) -> None:
        """The first frame appears when the source's first frame did, wherever it was cut."""
        self._begun = True
        clock = self._video.clock
        clock.shift = first_shift(self._info, first_pts)
        if self._copier:
            begin = first_pts * self._info.time_base
            self._copier.begin(clock.shift, begin, cut=bool(self._info.cut_start))

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        self._note_delay(packets)
        self._container.mux(packets)

    def _note_delay(self, packets: list[Packet[VideoStream]]) -> None:
        """How long before it is shown the first frame is decoded, in ticks."""
        for packet in packets:
            if self._delay is None and packet.pts is not None and packet.dts is not None:
                self._delay = packet.pts - packet.dts

    def _lengthened(self, packets: list[Packet[VideoStream]]) -> list[Packet[VideoStream]]:
        """The last packets. MP4 counts durations in decoding order: the last reaches to the end."""
        self._note_delay(packets)
        if self._in_mov and packets and packets[-1].dts is not None:
            clock = self._video.clock
            end = round((clock.end - clock.shift) / clock.tick)
            rest = end - packets[-1].dts - (self._delay or 0)
            packets[-1].duration = max(packets[-1].duration or 1, rest)
        return packets
