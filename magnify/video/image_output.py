"""Writing image folders: PNGs, with 16 bits for pictures that have them."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from magnify.errors import SettingsError
from magnify.video.choices import Encoding
from magnify.video.colour import ColourConverter
from magnify.video.encoding import CONTAINER_CODECS, has_alpha
from magnify.video.images import is_pattern, numbered_name, pattern_matcher
from magnify.video.info import VideoInfo
from magnify.video.pipes import STANDARD
from magnify.video.reader import Frame
from magnify.video.segment import Segment

DEFAULT_PATTERN = "frame_%06d.png"


class ImageOutput:
    """A folder that gets one PNG for each frame, numbered from 1.

    `damage` is None, as nothing else of the source is read.

    Raises:
        SettingsError: the encoding asks for what an image folder cannot have.
    """

    damage: str | None = None

    def __init__(
        self,
        folder: Path,
        pattern: str,
        info: VideoInfo,
        encoding: Encoding,
        notify: Callable[[str], None],
    ) -> None:
        if (encoding.codec, encoding.crf, encoding.preset, encoding.pixel_format) != (None,) * 4:
            raise SettingsError(
                "images are PNGs; they take no --codec, --crf, --preset or --pix-fmt"
            )
        self._folder, self._pattern = folder, pattern
        self._encoder = PictureEncoder(info)
        self._number = 0
        if info.audio_streams or info.subtitle_streams:
            notify("images have no sound, subtitles or time stamps; dropped")
        if has_alpha(info):
            notify("transparency is dropped")

    def write(self, frame: Frame) -> None:
        self._put(self._encoder.encode(frame))

    def write_segment(self, segment: Segment) -> None:
        """Write pictures that were encoded before."""
        self._put(segment.packets(None, Fraction(1)))

    def _put(self, pictures: Iterable[Packet[VideoStream]]) -> None:
        for picture in pictures:
            self._number += 1
            name = numbered_name(self._pattern, self._number)
            (self._folder / name).write_bytes(bytes(picture))

    def finish(self) -> None:
        """Every picture is complete as soon as it is written."""

    def abandon(self) -> None:
        """Nothing is open between two pictures."""


class PictureEncoder:
    """Encodes frames as PNGs, each by itself."""

    def __init__(self, info: VideoInfo) -> None:
        self._colour = info.colour.encoded_as("rgb24", info.height)
        self._converter = ColourConverter()
        self._encoder: VideoCodecContext | None = None
        self._number = 0

    def encode(self, frame: Frame) -> list[Packet[VideoStream]]:
        """One packet, which is a PNG file."""
        deep = frame.picture.dtype == np.uint16
        picture = self._converter.to_frame(
            frame.picture, "rgb48be" if deep else "rgb24", self._colour
        )
        if self._encoder is None:
            self._encoder = _png_encoder(picture)
        picture.pts, picture.time_base = self._number, Fraction(1)
        self._number += 1
        return self._encoder.encode(picture)


def image_target(path: str | Path) -> tuple[Path, str] | None:
    """The folder and file name pattern that an output path stands for; None if it is a video."""
    name = Path(path).name
    if Path(path) == STANDARD:
        return None
    if is_pattern(name) and Path(name).suffix.lower() not in CONTAINER_CODECS:
        if not name.endswith(".png"):
            raise SettingsError(f"{path}: images are written as .png")
        return Path(path).parent, name
    if str(path).endswith(("/", "\\")) or Path(path).is_dir() or not Path(path).suffix:
        return Path(path), DEFAULT_PATTERN
    return None


def check_replaceable(folder: Path, pattern: str) -> None:
    """SettingsError if a folder holds anything but images of the same pattern."""
    matcher = pattern_matcher(pattern)
    for path in folder.iterdir():
        if not matcher.fullmatch(path.name):
            raise SettingsError(
                f"{folder}: holds other files ({path.name}); choose an empty or new folder"
            )


def _png_encoder(picture: av.VideoFrame) -> VideoCodecContext:
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height = picture.width, picture.height
    encoder.pix_fmt = picture.format.name
    encoder.time_base = Fraction(1)
    encoder.thread_count = 1  # with more, pictures come out later than they go in
    return encoder
