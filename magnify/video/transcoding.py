"""Streams on their way from one container to another: bit for bit, or encoded anew."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

import av
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
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

USUAL_LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""For 1 to 8 channels whose places the source does not tell; FFmpeg takes them for these too."""

_FILE_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "alpha_mode"}
)
_STATISTICS = ("bps", "duration", "number_of_", "_statistics_")


class Lane(Protocol):
    """What happens to one stream's packets."""

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """A packet of the source → packets of the target, on the source's clock."""

    def flush(self) -> list[Packet[Any]]:
        """The packets that are still held back at the end."""


LaneMaker = Callable[[Any, OutputContainer], Lane]
"""Source stream, target container → the stream's lane; ValueError or FFmpegError if it has none."""


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
    """Audio in another codec, with its sampling rate if the codec has it.

    Frames without a time stamp, as decoders give them at the end, follow the one before.
    """

    def __init__(self, source: AudioStream, target: OutputContainer, codec: str) -> None:
        rates = av.Codec(codec, "w").audio_rates or [source.rate]
        stream = target.add_stream(codec, rate=source.rate if source.rate in rates else max(rates))
        assert isinstance(stream, AudioStream)
        # Opus knows surround from behind, not from the side.
        surround = codec == "libopus" and source.layout.name == "5.1(side)"
        stream.layout = AudioLayout("5.1") if surround else _layout(source)
        describe(stream, source)
        self._source, self._stream = source, stream
        self._end = 0

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        return self._encode(self._source.decode(packet))

    def flush(self) -> list[Packet[Any]]:
        return [*self._encode(self._source.decode(None)), *self._stream.encode(None)]

    def _encode(self, frames: list[av.AudioFrame]) -> list[Packet[Any]]:
        packets: list[Packet[Any]] = []
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                self._end = round(frame.pts * frame.time_base * frame.sample_rate)
            # Counted in samples: a tick of AVI's may be a block of them, too coarse for encoders.
            frame.pts, frame.time_base = self._end, Fraction(1, frame.sample_rate)
            self._end += frame.samples
            packets += self._stream.encode(frame)
        return packets


class SubtitleTranscoding:
    """Text subtitles in another codec."""

    def __init__(self, source: SubtitleStream, target: OutputContainer, codec: str) -> None:
        source.codec_context.open(strict=False)  # which makes the header
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


def ways(source: Stream, container: str) -> Iterator[tuple[LaneMaker, str]]:
    """How a stream may get into a kind of container, best first, and what to say of it."""
    if container == "mov" and source.disposition & Disposition.attached_pic:
        return
    yield Copy, ""
    if source.codec_context is None:
        return
    codecs = AUDIO_ENCODERS if isinstance(source, AudioStream) else SUBTITLE_ENCODERS
    codec = codecs.get(container)
    if codec is None:
        return
    notice = f"{stream_name(source)} cannot be stored in {container}; re-encoded as {codec}"
    if isinstance(source, AudioStream):
        yield partial(AudioTranscoding, codec=codec), notice
    elif isinstance(source, SubtitleStream) and _is_text(source):
        yield partial(SubtitleTranscoding, codec=codec), notice


def dropped(source: Stream, container: str) -> str:
    """What to say of a stream that no way leads into a container."""
    if container == "mov" and source.disposition & Disposition.attached_pic:
        return f"the cover picture ({codec_name(source)}) cannot be stored in mov; dropped"
    return f"{stream_name(source)} cannot be stored in {container}; dropped"


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


def stream_name(stream: Stream) -> str:
    """A stream as messages call it."""
    return f"{stream.type} stream {stream.index} ({codec_name(stream)})"


def codec_name(stream: Stream) -> str:
    if stream.codec_context is not None:
        return stream.codec_context.name
    return getattr(stream, "name", None) or "unknown"


def _twin(source: Stream, target: OutputContainer) -> Stream:
    stream = target.add_stream_from_template(source, opaque=True)
    if isinstance(stream, AudioStream) and isinstance(source, AudioStream):
        layout = _layout(source)
        if layout.name != source.layout.name:
            stream.layout = layout
    describe(stream, source)
    return stream


def _layout(stream: AudioStream) -> AudioLayout:
    """The stream's channel layout, the usual one if it tells only how many channels there are."""
    layout = stream.layout
    unknown = layout.name.endswith("channels") and layout.nb_channels <= len(USUAL_LAYOUTS)
    return AudioLayout(USUAL_LAYOUTS[layout.nb_channels - 1]) if unknown else layout


def _is_text(stream: SubtitleStream) -> bool:
    """Decoders of text show it by the style header that they make when opened."""
    try:
        stream.codec_context.open(strict=False)
    except (av.FFmpegError, ValueError):
        return False
    return stream.codec_context.subtitle_header is not None
