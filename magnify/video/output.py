"""A video file being written: the encoder, the container, and what is copied beside the video."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from magnify.errors import SettingsError
from magnify.video.choices import Encoding
from magnify.video.colour import ColourConverter
from magnify.video.encoding import encoder_settings
from magnify.video.gif import CENTISECOND, Palettes
from magnify.video.info import IMAGES, VideoInfo
from magnify.video.opening import EXACT_TAGS
from magnify.video.reader import Frame
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


class ContainerOutput:
    """One video file, opened with everything its header needs; complete after `finish`.

    Raises:
        SettingsError: the codec, its options and the container do not go together.
        av.FFmpegError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        encoding: Encoding,
        metadata: Mapping[str, str],
        notify: Callable[[str], None],
    ) -> None:
        self._info = info
        self._settings = encoder_settings(encoding, path.suffix.lower(), info, notify)
        self._colour = info.colour.encoded_as(self._settings.pixel_format, info.height)
        self._converter = ColourConverter()
        gif = self._settings.codec == "gif"
        self._palettes = Palettes(info.width, info.height) if gif else None
        self._time_base = CENTISECOND if gif else info.time_base
        self._in_mov = path.suffix.lower() in MOV_FAMILY
        self._durations: dict[int, int] = {}
        self._earliest = -(2**62)
        self._delay: int | None = None
        self._shift = Fraction(0)
        self._begun = False
        self._end = Fraction(0)
        self._copier: StreamCopier | None = None
        self._container = av.open(f"file:{path}", "w", **EXACT_TAGS)
        try:
            self._stream = self._add_video()
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
            self._begin(frame)
        begin = frame.pts * self._info.time_base
        self._end = begin + frame.duration * self._info.time_base
        encoded = self._converter.to_frame(
            frame.picture, "rgb24" if self._palettes else self._settings.pixel_format, self._colour
        )
        encoded.time_base = self._time_base
        # Ticks coarser than the source's would show two frames at once.
        encoded.pts = max(round((begin - self._shift) / self._time_base), self._earliest)
        end = max(round((self._end - self._shift) / self._time_base), encoded.pts + 1)
        self._earliest = encoded.pts + 1
        self._durations[encoded.pts] = end - encoded.pts
        if self._palettes:
            encoded = self._palettes.apply(encoded)
        self._container.mux(self._encode(encoded))
        if self._copier:
            self._copier.copy_until(self._end)

    def finish(self) -> None:
        """Write everything that is still held back and close the file."""
        self._flush_encoder()
        if self._copier:
            self._copier.copy_until(self._end if self._info.cut_end else None)
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

    def _add_video(self) -> VideoStream:
        info, settings = self._info, self._settings
        try:
            stream = self._container.add_stream(
                settings.codec,
                rate=info.average_rate or max(1, round(1 / info.time_base)),
                options=dict(settings.options),
                width=info.width,
                height=info.height,
                time_base=self._time_base,
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
        self._open_encoder(stream)
        return stream

    def _open_encoder(self, stream: VideoStream) -> None:
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

    def _add_other_streams(self, audio: bool, notify: Callable[[str], None]) -> dict[str, str]:
        info = self._info
        if info.path is None or info.container == IMAGES:
            return {}
        self._copier = StreamCopier(
            info.path, info.state, self._container, audio=audio, notify=notify
        )
        end = None
        if info.cut_end and info.frames and info.average_rate:
            end = info.cut_start + info.frames / info.average_rate
        return self._copier.describe(self._stream, info.cut_start, end, info.average_rate)

    def _mov_options(self, notify: Callable[[str], None]) -> dict[str, str]:
        # Start offsets are stored in the movie's ticks, which must suit video and audio.
        ticks = self._time_base.denominator
        common = lcm(ticks, *(stream.rate for stream in self._container.streams.audio))
        options = {"movie_timescale": str(common if common <= _LARGEST_TIMESCALE else ticks)}
        if not all(_MOV_TAGS.fullmatch(tag) for tag in self._container.metadata):
            options["movflags"] = "use_metadata_tags"
            if any(s.disposition & Disposition.attached_pic for s in self._container.streams):
                notify("the cover picture gives way to tags that this container has no places for")
        return options

    def _begin(self, first: Frame) -> None:
        """The first frame appears when the source's first frame did, wherever it was cut."""
        self._begun = True
        cut = (first.pts - self._info.start_pts) * self._info.time_base
        self._shift = cut + (self._copier.origin if self._copier else 0)
        if self._copier:
            begin = first.pts * self._info.time_base
            self._copier.begin(self._shift, begin, cut=bool(self._info.cut_start))

    def _encode(self, frame: av.VideoFrame | None) -> list[Packet[VideoStream]]:
        """The packets that a frame completes, with the durations that encoders may drop."""
        packets = self._stream.encode(frame)
        for packet in packets:
            if packet.pts is not None and packet.dts is not None:
                packet.duration = self._durations.pop(packet.pts, 0)
                if self._delay is None:
                    self._delay = packet.pts - packet.dts
        return packets

    def _flush_encoder(self) -> None:
        packets = self._encode(None)
        if self._in_mov and packets and packets[-1].dts is not None:
            # MP4 counts durations in decoding order: the last packet reaches to the end.
            end = round((self._end - self._shift) / self._time_base)
            rest = end - packets[-1].dts - (self._delay or 0)
            packets[-1].duration = max(packets[-1].duration or 1, rest)
        self._container.mux(packets)
