"""What a file holds beside its pictures: audio, subtitles, tags, chapters. Copied, not touched."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream

from magnify.video.decoding import CLOCK_FALL, SEEKABLE, open_video, video_stream
from magnify.video.transcoding import Lane, codec_name, describe, lane, lasting_tags

if TYPE_CHECKING:
    from av.container.core import Chapter  # in the stubs only

BROADCAST = ("mpeg", "mpegts")
"""Containers whose clock starts anywhere."""


class StreamCopier:
    """Copies all but the video stream into a new file, packet by packet, in step with the video.

    It opens the source for itself, so that the video may be decoded in another thread.

    Attributes:
        origin: seconds at which the source's clock starts, where that has no meaning; else 0.
    """

    def __init__(
        self, path: Path, target: OutputContainer, *, audio: bool, notify: Callable[[str], None]
    ) -> None:
        self._notify = notify
        self._source = open_video(path)
        self._video = video_stream(path, self._source)
        self._target = target
        self._lanes: dict[int, Lane] = {}
        for stream in self._source.streams:
            if stream is self._video or (stream.type == "audio" and not audio):
                stream.discard = Discard.all
            else:
                self._add(stream)
        self.origin = Fraction(0)
        if self._source.format.name in BROADCAST:
            self.origin = Fraction(self._source.start_time or 0, av.time_base)
        self._start: Fraction | None = None
        self._shift = self.origin
        self._packets = self._read()
        self._next: Packet[Any] | None = None

    def describe(self, video: Stream, start: Fraction, end: Fraction | None) -> dict[str, str]:
        """Give the target the old video stream's tags and the chapters of [start, end) seconds.

        Returns the file's own tags.
        """
        describe(video, self._video)
        tags = lasting_tags(self._source.metadata)
        if start > 0:
            self._drop_timecodes(video.metadata, tags)
        chapters = (_cut(chapter, start, end) for chapter in self._source.chapters())
        self._target.set_chapters([chapter for chapter in chapters if chapter])
        return tags

    def begin(self, shift: Fraction, start: Fraction | None) -> None:
        """Everything is to be moved `shift` seconds earlier; packets before `start` are left out.

        Both are on the source's clock.
        """
        self._shift, self._start = shift, start
        # A jump would miss the subtitle that is being shown.
        subtitled = any(self._source.streams[index].type == "subtitle" for index in self._lanes)
        if start is not None and self._source.format.name in SEEKABLE and not subtitled:
            self._source.seek(int(start * av.time_base))
        self._next = next(self._packets, None)

    def copy_until(self, end: Fraction | None) -> None:
        """Copy the packets that start before `end` seconds of the source's clock; None: all.

        A packet without a time, such as a cover picture, is copied when its turn comes.
        """
        while self._next is not None:
            time = _time(self._next)
            if end is not None and time is not None and time >= end:
                break
            self._mux(self._lanes[self._next.stream_index].convert(self._next))
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what re-encoded streams still hold back."""
        for stream_lane in self._lanes.values():
            self._mux(stream_lane.flush())

    def close(self) -> None:
        self._source.close()

    def _drop_timecodes(self, *tables: dict[str, str]) -> None:
        """They name the first frame, which a cut leaves out."""
        dropped = False
        for tags in tables:
            for key in [key for key in tags if key.lower() == "timecode"]:
                dropped = True
                del tags[key]
        if dropped:
            self._notify("the timecode is that of the whole video's first frame; dropped")

    def _add(self, stream: Stream) -> None:
        if stream.type == "data" and "timecode" in stream.metadata:
            return  # QuickTime's own stream for a tag, written anew from it
        way, notice = lane(stream, self._target)
        if way is not None:
            self._lanes[stream.index] = way
        elif codec_name(stream) == "bin_data" and self._source.chapters():
            return  # likewise for chapters
        if notice:
            self._notify(notice)

    def _read(self) -> Iterator[Packet[Any]]:
        streams = [self._source.streams[index] for index in self._lanes]
        if not streams:
            return
        latest: dict[int, Fraction] = {}
        # Where the source breaks off, or its clock, is for its video's reader to say.
        with suppress(av.FFmpegError):
            for packet in self._source.demux(streams):
                time = _time(packet)
                if time is not None:
                    if time < latest.get(packet.stream_index, time) - CLOCK_FALL:
                        return
                    latest[packet.stream_index] = time
                self._show_from_start(packet)
                if packet.size and not self._is_before_start(packet):
                    yield packet

    def _show_from_start(self, packet: Packet[Any]) -> None:
        """A subtitle that is on when the cut begins is shown from there on."""
        if self._start is None or packet.stream.type != "subtitle" or packet.pts is None:
            return
        late = ceil(self._start / packet.time_base) - packet.pts
        duration = packet.duration or 0
        if 0 < late < duration:
            packet.pts = packet.dts = packet.pts + late
            packet.duration = duration - late

    def _is_before_start(self, packet: Packet[Any]) -> bool:
        if self._start is None or packet.stream.disposition & Disposition.attached_pic:
            return False
        time = _time(packet)
        return time is not None and time < self._start

    def _mux(self, packets: list[Packet[Any]]) -> None:
        for packet in packets:
            ticks = round(self._shift / packet.time_base)
            if packet.pts is not None:
                packet.pts -= ticks
            if packet.dts is not None:
                packet.dts -= ticks
            self._target.mux(packet)


def _time(packet: Packet[Any]) -> Fraction | None:
    """When a packet starts, in seconds of its file's clock, where it says so."""
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None else ticks * packet.time_base


def _cut(chapter: Chapter, start: Fraction, end: Fraction | None) -> Chapter | None:
    """What of a chapter lies between two times, counted from the first; None if nothing does."""
    time_base = chapter["time_base"] or Fraction(1, av.time_base)
    first = max(chapter["start"] - round(start / time_base), 0)
    last = chapter["end"] - round(start / time_base)
    if end is not None:
        last = min(last, round((end - start) / time_base))
    if last <= first:
        return None
    return {**chapter, "time_base": time_base, "start": first, "end": last}
