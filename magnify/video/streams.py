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

from magnify.video.files import FileState
from magnify.video.opening import is_still, jumps, open_video, video_stream
from magnify.video.pipes import STANDARD
from magnify.video.tracks import Beginnings, Track, chosen_way, has_damaged_sound, packet_time
from magnify.video.transcoding import (
    AUDIO_ENCODERS,
    codec_name,
    describe,
    dropped,
    lasting_tags,
    stream_name,
)

if TYPE_CHECKING:
    from av.container.core import Chapter  # in the stubs only

LARGEST_TIMECODE_RATE = 255
"""Frames a second that the timecode track of MP4 and QuickTime can count."""


class StreamCopier:
    """Copies all but the video stream into a new file, packet by packet, in step with the video.

    It opens the source for itself, so that the video may be decoded in another thread.

    `origin` are the seconds at which the source's clock starts, where that has no meaning; else 0.
    """

    def __init__(
        self,
        path: Path,
        state: FileState | None,
        target: OutputContainer,
        *,
        origin: Fraction,
        audio: bool,
        notify: Callable[[str], None],
    ) -> None:
        self._notify = notify
        self._path = path
        self._target = target
        self._tracks: dict[int, Track] = {}
        self._damaged: list[str] = []
        self._source = open_video(path, state=state)
        try:
            self._video = video_stream(path, self._source)
            for stream in self._source.streams:
                if stream is self._video or (stream.type == "audio" and not audio):
                    stream.discard = Discard.all
            self._add_tracks(path, state)
        except BaseException:
            self.close()
            raise
        self._start: Fraction | None = None
        self._shift = self._first = origin
        self._packets = self._read()
        self._next: Packet[Any] | None = None

    @property
    def damage(self) -> str | None:
        """What of these streams is damaged and was left out so far, in words."""
        later = [track.damage for track in self._tracks.values() if track.damage]
        return "; ".join([*self._damaged, *later]) or None

    def describe(
        self, video: Stream, start: Fraction, end: Fraction | None, rate: Fraction | None
    ) -> dict[str, str]:
        """Give the target the old video stream's tags and the chapters of [start, end) seconds.

        `rate` is in frames a second. Returns the file's own tags.
        """
        describe(video, self._video)
        tags = lasting_tags(self._source.metadata)
        if start > 0:
            reason = "the timecode is that of the whole video's first frame; dropped"
            self._drop_timecodes(reason, video.metadata, tags)
        elif rate is not None and rate > LARGEST_TIMECODE_RATE and self._in_mov():
            reason = f"a timecode cannot count {float(rate):g} frames a second; dropped"
            self._drop_timecodes(reason, video.metadata, tags)
        chapters = (_cut(chapter, start, end) for chapter in self._source.chapters())
        self._target.set_chapters([chapter for chapter in chapters if chapter])
        return tags

    def begin(self, shift: Fraction, first: Fraction, *, cut: bool) -> None:
        """Everything is to be moved `shift` seconds earlier; the first frame is shown at `first`.

        Both are on the source's clock. With a `cut`, packets before that frame are left out.
        """
        self._shift, self._first = shift, first
        self._start = first if cut else None
        # A jump would miss the subtitle that is being shown.
        subtitled = any(self._source.streams[index].type == "subtitle" for index in self._tracks)
        if cut and jumps(self._path, self._source) and not subtitled:
            with suppress(av.FFmpegError):  # a damaged index: it is read from where it is
                self._source.seek(int(first * av.time_base))
        self._next = next(self._packets, None)
        if not self._tracks:  # a pipe need not keep anything for who reads no further
            self._source.close()
            del self._source, self._video

    def copy_until(self, end: Fraction | None) -> None:
        """Copy the packets that start before `end` seconds of the source's clock; None: all.

        A packet without a time, such as a cover picture, is copied when its turn comes.
        """
        while self._next is not None:
            time = packet_time(self._next)
            if end is not None and time is not None and time >= end:
                break
            self._tracks[self._next.stream_index].write(self._next, self._shift)
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what re-encoded streams still hold back."""
        for track in self._tracks.values():
            track.finish(self._shift)
            if track.damage:
                self._notify(track.damage)

    def close(self) -> None:
        for track in self._tracks.values():
            track.close()
        with suppress(AttributeError):  # closed already
            self._source.close()

    def _in_mov(self) -> bool:
        return self._target.format.name in ("mp4", "mov", "ipod")

    def _drop_timecodes(self, reason: str, *tables: dict[str, str]) -> None:
        dropped = False
        for tags in tables:
            for key in [key for key in tags if key.lower() == "timecode"]:
                dropped = True
                del tags[key]
        if dropped:
            self._notify(reason)

    def _add_tracks(self, path: Path, state: FileState | None) -> None:
        streams = [s for s in self._source.streams if s.discard != Discard.all]
        beginnings = Beginnings(path, state, {stream.index for stream in streams})
        try:
            for stream in streams:
                if path == STANDARD and stream.type not in ("audio", "video"):
                    # The next of its few packets may be minutes away, and the video would wait.
                    self._notify(f"{stream_name(stream)} is not copied from a pipe; dropped")
                elif not (stream.type == "data" and "timecode" in stream.metadata):
                    self._add(stream, beginnings)  # the others are QuickTime's own, for a tag
        finally:
            beginnings.close()

    def _add(self, stream: Stream, beginnings: Beginnings) -> None:
        container = self._target.format.name
        same, packets = beginnings.streams[stream.index], beginnings.packets[stream.index]
        way = chosen_way(same, container, packets)
        if way is not None:
            make, notice = way
            self._tracks[stream.index] = Track(stream, self._target, make)
            if stream.type == "video" and not is_still(stream):
                notice = f"{stream_name(stream)} is copied as it is, not magnified"
        elif codec_name(stream) == "bin_data" and self._source.chapters():
            return  # likewise for chapters
        elif container in AUDIO_ENCODERS and has_damaged_sound(same, packets):
            notice = f"{stream_name(stream)} is damaged; dropped"
            self._damaged.append(notice)
        else:
            notice = dropped(stream, container)
        if notice:
            self._notify(notice)

    def _read(self) -> Iterator[Packet[Any]]:
        streams = [self._source.streams[index] for index in self._tracks]
        if not streams:
            return
        try:
            for packet in self._source.demux(streams):
                self._show_from_start(packet)
                if not packet.size or self._is_before_start(packet):
                    continue
                if self._tracks[packet.stream_index].accepts(packet, self._first):
                    yield packet
        except av.FFmpegError as error:
            names = ", ".join(stream_name(stream) for stream in streams)
            self._damaged.append(f"reading of {names} broke off ({error.strerror})")
            self._notify(self._damaged[-1])

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
        time = packet_time(packet)
        return time is not None and time < self._start


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
