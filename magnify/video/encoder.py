"""From pictures to packets: the clock of a file, and the encoder of its video."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

import os
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from magnify.errors import SettingsError
from magnify.video.colour import ColourConverter
from magnify.video.encoding import EncoderSettings
from magnify.video.gif import CENTISECOND, Palettes
from magnify.video.info import VideoInfo
from magnify.video.reader import Frame

BEFORE_ALL = -(2**62)
"""A tick that no frame is earlier than."""


@dataclass
class Clock:
    """Turns the source's time stamps into ticks of the output.

    Attributes:
        tick: seconds of one.
        shift: seconds by which everything is moved earlier.
        earliest: the first tick that is left for the next frame.
        end: when the last frame ends, in seconds of the source's clock.
    """

    tick: Fraction
    shift: Fraction = Fraction(0)
    earliest: int = BEFORE_ALL
    end: Fraction = Fraction(0)

    def stamp(self, shown: int, duration: int, time_base: Fraction) -> tuple[int, int]:
        """When a frame is shown, and for how long, in ticks; the source's are `time_base` long."""
        begin = shown * time_base
        self.end = begin + duration * time_base
        # Ticks coarser than the source's would show two frames at once.
        pts = max(round((begin - self.shift) / self.tick), self.earliest)
        end = max(round((self.end - self.shift) / self.tick), pts + 1)
        self.earliest = pts + 1
        return pts, end - pts


class VideoEncoder:
    """The video stream of a container, and its encoder, which is open before the first frame.

    Raises:
        SettingsError: the codec, its options and the container do not go together.
    """

    def __init__(
        self, container: OutputContainer, info: VideoInfo, settings: EncoderSettings
    ) -> None:
        self._container, self._info, self._settings = container, info, settings
        self._colour = info.colour.encoded_as(settings.pixel_format, info.height)
        self._converter = ColourConverter()
        gif = settings.codec == "gif"
        self._palettes = Palettes(info.width, info.height) if gif else None
        self._durations: dict[int, int] = {}
        tick = CENTISECOND if gif else info.time_base
        if settings.codec == "rawvideo" and info.average_rate is not None:
            tick = 1 / info.average_rate  # Y4M has no time stamps, and takes it for the rate
        self.clock = Clock(tick)
        self.stream = self._add_stream()

    @property
    def header(self) -> bytes:
        """What a decoder has to know before the first packet."""
        return self.stream.codec_context.extradata or b""

    def encode(self, frame: Frame) -> list[Packet[VideoStream]]:
        """The packets that a frame completes."""
        encoded = self._converter.to_frame(
            frame.picture, "rgb24" if self._palettes else self._settings.pixel_format, self._colour
        )
        encoded.time_base = self.clock.tick
        encoded.pts, duration = self.clock.stamp(frame.pts, frame.duration, self._info.time_base)
        self._durations[encoded.pts] = duration
        if self._palettes:
            encoded = self._palettes.apply(encoded)
        return self._packets(encoded)

    def flush(self) -> list[Packet[VideoStream]]:
        """The packets that are still held back."""
        return self._packets(None)

    def _packets(self, frame: av.VideoFrame | None) -> list[Packet[VideoStream]]:
        """With the durations that encoders may drop."""
        packets = self.stream.encode(frame)
        for packet in packets:
            if packet.pts is not None and packet.dts is not None:
                packet.duration = self._durations.pop(packet.pts, 0)
        return packets

    def _add_stream(self) -> VideoStream:
        info, settings = self._info, self._settings
        try:
            stream = self._container.add_stream(
                settings.codec,
                rate=info.average_rate or max(1, round(1 / info.time_base)),
                options=dict(settings.options),
                width=info.width,
                height=info.height,
                time_base=self.clock.tick,
            )
        except ValueError as error:
            container = self._container.format.name
            raise SettingsError(f"{settings.codec} cannot be stored in {container}") from error
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = settings.pixel_format
        context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer
        context.colorspace, context.color_range = self._colour.matrix, self._colour.range
        if settings.codec == "libx265" and self._container.format.name != "matroska":
            context.codec_tag = "hvc1"  # which more players take than the default, hev1
        if info.sample_aspect_ratio is not None:
            context.sample_aspect_ratio = info.sample_aspect_ratio
        stream.set_display_matrix(info.display_matrix)
        self._open(stream)
        return stream

    def _open(self, stream: VideoStream) -> None:
        """Before anything else happens: most choices that cannot work show here."""
        settings = self._settings
        if settings.codec == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; FFmpeg cannot silence it
        chosen = ", ".join(f"{key} {value}" for key, value in settings.options.items())
        try:
            stream.codec_context.open()
        except av.FFmpegError as error:
            raise SettingsError(
                f"{settings.codec} cannot encode {self._info.width}x{self._info.height} "
                f"{settings.pixel_format} with {chosen or 'its defaults'}: {error.strerror}"
            ) from error
        for key in settings.options:
            if key in stream.codec_context.options:  # where those stay that an encoder lacks
                raise SettingsError(f"{settings.codec} has no setting {key}")
