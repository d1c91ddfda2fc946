"""Streams on their way from one container to another: bit for bit, or encoded anew."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from io import BytesIO
from typing import Any, Protocol

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

AUDIO_ENCODERS = {"mp4": "aac", "mov": "aac", "ipod": "aac", "matroska": "flac", "webm": "libopus"}
"""For audio that a container cannot hold as it is."""

SUBTITLE_ENCODERS = {
    "mp4": "mov_text",
    "mov": "mov_text",
    "ipod": "mov_text",
    "matroska": "subrip",
    "webm": "webvtt",
}
"""For text that a container cannot hold as it is; there is none for subtitles that are pictures."""

_FILE_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_STATISTICS = ("bps", "duration", "number_of_", "_statistics_")


class Lane(Protocol):
    """What happens to one stream's packets."""

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """A packet of the source → packets of the target, on the source's clock."""

    def flush(self) -> list[Packet[Any]]:
        """The packets that are still held back at the end."""


class Copy:
    """A stream whose packets are taken over bit for bit."""

    def __init__(self, source: Stream, target: OutputContainer) -> None:
        self._stream = _twin(source, target)

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        packet.stream = self._stream
        return [packet]

    def flush(self) -> list[Packet[Any]]:
        return []


class AudioTranscoding:
    """Audio in another codec, with its sampling rate if the codec has it."""

    def __init__(self, source: AudioStream, target: OutputContainer, codec: str) -> None:
        rates = av.Codec(codec, "w").audio_rates or [source.rate]
        stream = target.add_stream(codec, rate=source.rate if source.rate in rates else max(rates))
        assert isinstance(stream, AudioStream)
        stream.layout = source.layout
        describe(stream, source)
        self._source, self._stream = source, stream

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        frames = self._source.decode(packet)
        return [encoded for frame in frames for encoded in self._stream.encode(frame)]

    def flush(self) -> list[Packet[Any]]:
        frames = [*self._source.decode(None), None]
        return [encoded for frame in frames for encoded in self._stream.encode(frame)]


class SubtitleTranscoding:
    """Text subtitles in another codec."""

    def __init__(self, source: SubtitleStream, target: OutputContainer, codec: str) -> None:
        stream = target.add_stream(codec)
        assert isinstance(stream, SubtitleStream)
        stream.codec_context.subtitle_header = source.codec_context.subtitle_header
        describe(stream, source)
        self._source, self._stream = source, stream

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        text = self._source.codec_context.decode2(packet)
        if text is None:  # the pause between two subtitles
            return []
        encoded: Packet[Any] = self._stream.codec_context.encode_subtitle(text)
        encoded.stream, encoded.time_base = self._stream, packet.time_base
        encoded.pts = encoded.dts = packet.pts
        encoded.duration = packet.duration
        return [encoded]

    def flush(self) -> list[Packet[Any]]:
        return []


def lane(source: Stream, target: OutputContainer) -> tuple[Lane | None, str]:
    """The way of a stream into a container, and what to say of it; None if there is no way."""
    container = target.format.name
    name = f"{source.type} stream {source.index} ({codec_name(source)})"
    if _can_hold(container, source):
        return Copy(source, target), ""
    refused = f"{name} cannot be stored in {container}"
    if isinstance(source, AudioStream) and container in AUDIO_ENCODERS:
        codec = AUDIO_ENCODERS[container]
        return AudioTranscoding(source, target, codec), f"{refused}; re-encoded as {codec}"
    if isinstance(source, SubtitleStream) and container in SUBTITLE_ENCODERS and _is_text(source):
        codec = SUBTITLE_ENCODERS[container]
        return SubtitleTranscoding(source, target, codec), f"{refused}; re-encoded as {codec}"
    return None, f"{refused}; dropped"


def describe(target: Stream, source: Stream) -> None:
    """Give a new stream the language, title, disposition and so on of the old one."""
    target.metadata.update(lasting_tags(source.metadata))
    target.disposition = source.disposition


def lasting_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags without those that a muxer writes about its own file, untrue of any other."""
    return {
        key: value
        for key, value in tags.items()
        if key.lower().partition("-")[0] not in _FILE_TAGS
        and not key.lower().startswith(_STATISTICS)
    }


def codec_name(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.name
    return getattr(stream, "name", None) or "unknown"


def _twin(source: Stream, target: OutputContainer) -> Stream:
    stream = target.add_stream_from_template(source, opaque=True)
    describe(stream, source)
    return stream


def _can_hold(container: str, stream: Stream) -> bool:
    """Muxers know only when they write a header; so one is written, to nowhere."""
    try:
        with av.open(BytesIO(), "w", format=container) as scratch:
            _twin(stream, scratch)
            scratch.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


def _is_text(stream: SubtitleStream) -> bool:
    """Decoders of text show it by the style header that they make when opened."""
    stream.codec_context.open(strict=False)
    return stream.codec_context.subtitle_header is not None
