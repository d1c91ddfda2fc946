"""What a file holds beside its pictures: audio, subtitles, tags, chapters. Copied, not touched."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream

from magnify.video.decoding import SEEKABLE, open_video, video_stream

AUDIO_FALLBACK = {"webm": "libopus"}
"""Encoder for audio that a container cannot hold as it is; AAC for those not named."""

BROADCAST = ("mpeg", "mpegts")
"""Containers whose clock starts anywhere."""

# Tags that a muxer writes about its own file, untrue of any other.
_FILE_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_STATISTICS = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_")


class StreamCopier:
    """Copies all but the video stream into a new file, packet by packet, in step with the video.

    It opens the source for itself, so that the video may be decoded in another thread.

    Attributes:
        origin: seconds at which the source's clock starts, where that is of no meaning (broadcast
            streams); else 0.
    """

    def __init__(
        self, path: Path, target: OutputContainer, *, audio: bool, notify: Callable[[str], None]
    ) -> None:
        self._source = open_video(path)
        self._video = video_stream(path, self._source)
        self._target = target
        self._lanes: dict[int, _Copy | _Transcoding] = {}
        for stream in self._source.streams:
            if stream is self._video or (stream.type == "audio" and not audio):
                stream.discard = Discard.all
            else:
                self._add(stream, notify)
        self.origin = Fraction(0)
        if self._source.format.name in BROADCAST:
            self.origin = Fraction(self._source.start_time or 0, av.time_base)
        self._from: Fraction | None = None
        self._shift = self.origin
        self._packets = self._read()
        self._next: Packet[Stream] | None = None

    def describe(self, video: Stream) -> dict[str, str]:
        """Give the new video stream the tags of the old one; returns the file's own tags."""
        video.metadata.update(_tags(self._video))
        video.disposition = self._video.disposition
        return {key: value for key, value in self._source.metadata.items() if key not in _FILE_TAGS}

    def begin(self, shift: Fraction, start: Fraction | None) -> None:
        """Everything is to be moved `shift` seconds earlier; packets before `start` are left out.

        Both are on the source's clock.
        """
        self._shift, self._from = shift, start
        if start is not None and self._source.format.name in SEEKABLE:
            self._source.seek(int(start * av.time_base))
        self._next = next(self._packets, None)

    def copy_until(self, end: Fraction | None) -> None:
        """Copy the packets that start before `end` seconds of the source's clock; None: all."""
        while self._next is not None and (end is None or _time(self._next, end) < end):
            lane = self._lanes[self._next.stream_index]
            self._mux(lane.convert(self._next))
            self._next = next(self._packets, None)

    def finish(self) -> None:
        """Write what re-encoded streams still hold back."""
        for lane in self._lanes.values():
            self._mux(lane.flush())

    def close(self) -> None:
        self._source.close()

    def _add(self, stream: Stream, notify: Callable[[str], None]) -> None:
        container = self._target.format.name
        name = f"{stream.type} stream {stream.index} ({_codec_name(stream)})"
        if _can_hold(container, stream):
            self._lanes[stream.index] = _Copy(stream, self._target)
        elif isinstance(stream, AudioStream) and self._target.default_audio_codec != "none":
            codec = AUDIO_FALLBACK.get(container, "aac")
            self._lanes[stream.index] = _Transcoding(stream, self._target, codec)
            notify(f"{name} cannot be stored in {container}; re-encoded with {codec}")
        elif "timecode" not in stream.metadata:  # which is a tag that muxers make a stream of
            notify(f"{name} cannot be stored in {container}; dropped")

    def _read(self) -> Iterator[Packet[Stream]]:
        streams = [self._source.streams[index] for index in self._lanes]
        if not streams:
            return
        # Where the source breaks off is for its video's reader to say.
        with suppress(av.FFmpegError):
            for packet in self._source.demux(streams):
                if packet.size and not self._is_cut(packet):
                    yield packet

    def _is_cut(self, packet: Packet[Stream]) -> bool:
        if self._from is None or packet.stream.disposition & Disposition.attached_pic:
            return False
        return _time(packet, self._from) < self._from

    def _mux(self, packets: list[Packet[Stream]]) -> None:
        for packet in packets:
            ticks = round(self._shift / packet.time_base)
            if packet.pts is not None:
                packet.pts -= ticks
            if packet.dts is not None:
                packet.dts -= ticks
            self._target.mux(packet)


class _Copy:
    """A stream whose packets are taken over bit for bit."""

    def __init__(self, source: Stream, target: OutputContainer) -> None:
        self._stream = _copy_of(source, target)

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        packet.stream = self._stream
        return [packet]

    def flush(self) -> list[Packet[Stream]]:
        return []


class _Transcoding:
    """An audio stream that is decoded and encoded anew."""

    def __init__(self, source: AudioStream, target: OutputContainer, codec: str) -> None:
        rates = av.Codec(codec, "w").audio_rates or [source.rate]
        rate = source.rate if source.rate in rates else max(rates)
        self._source = source
        stream = target.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._stream.layout = source.layout
        self._stream.metadata.update(_tags(source))
        self._stream.disposition = source.disposition

    def convert(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        frames = self._source.decode(packet)
        return [encoded for frame in frames for encoded in self._stream.encode(frame)]

    def flush(self) -> list[Packet[Stream]]:
        frames = [*self._source.decode(None), None]
        return [encoded for frame in frames for encoded in self._stream.encode(frame)]


def _copy_of(source: Stream, target: OutputContainer) -> Stream:
    stream = target.add_stream_from_template(source, opaque=True)
    stream.metadata.update(_tags(source))
    stream.disposition = source.disposition
    return stream


def _can_hold(container: str, stream: Stream) -> bool:
    """Muxers know only when they write a header; so one is written, to nowhere."""
    with av.open(BytesIO(), "w", format=container) as scratch:
        try:
            _copy_of(stream, scratch)
            scratch.start_encoding()
        except (ValueError, av.FFmpegError):
            return False
    return True


def _time(packet: Packet[Stream], unknown: Fraction) -> Fraction:
    """When a packet starts, in seconds of its file's clock."""
    ticks = packet.dts if packet.pts is None else packet.pts
    return unknown if ticks is None else ticks * packet.time_base


def _tags(stream: Stream) -> dict[str, str]:
    return {
        key: value
        for key, value in stream.metadata.items()
        if key not in _FILE_TAGS and not key.upper().startswith(_STATISTICS)
    }


def _codec_name(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.name
    return getattr(stream, "name", None) or "unknown"
