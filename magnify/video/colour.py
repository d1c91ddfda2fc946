"""Colour: what a video's tags say, and the way from its pixels to full-range RGB and back.

Matrices, primaries and transfer functions carry the code points of ITU-T H.273.
"""

from dataclasses import dataclass, replace

import av
import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter

from magnify.errors import VideoError

Picture = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""(H, W, 3), RGB, full range: uint8 in 0..255 or uint16 in 0..65535."""

RGB_MATRIX = 0
BT709 = 1
UNSPECIFIED = 2
BT601 = 6

HD_LINES = 720
"""A video of so many lines that does not name its matrix is taken for BT.709, a smaller one for
BT.601, as players do."""

_SCALER_MATRICES = (1, 4, 5, 6, 7, 9)
"""BT.709, FCC, BT.601 (twice), SMPTE 240M and BT.2020 with non-constant luminance."""
_KNOWN_MATRICES = (RGB_MATRIX, *_SCALER_MATRICES)

# Chroma is repeated over the pixels that share it and averaged over the same ones on the way
# back, so that it does not drift; values are rounded, not truncated.
# These are libswscale's flags by number: PyAV 17 has names only for a few.
_ACCURATE = 0x40000 | 0x2000 | 0x4000  # ACCURATE_RND, FULL_CHR_H_INT, FULL_CHR_H_INP
_TO_RGB = 0x10 | _ACCURATE  # POINT
_FROM_RGB = 0x20 | _ACCURATE  # AREA


@dataclass(frozen=True)
class ColourTags:
    """What a video says about its colours, and what its encoder is to say.

    Attributes:
        primaries, transfer, matrix: H.273 code points; 2 is "unspecified".
        range: 0 unspecified, 1 limited (16..235), 2 full (0..255).
    """

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = ColorRange.UNSPECIFIED

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "ColourTags":
        if is_rgb(frame.format.name):
            matrix, colour_range = RGB_MATRIX, int(ColorRange.JPEG)
        else:
            matrix, colour_range = int(frame.colorspace), int(frame.color_range)
        # The yuvj formats are full range by definition, whatever the stream says.
        full = frame.format.name.startswith("yuvj")
        return cls(
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
            matrix=matrix,
            range=int(ColorRange.JPEG) if full else colour_range,
        )

    def filled_from(self, other: "ColourTags") -> "ColourTags":
        """These tags, with those of the whole video where matrix or range is not told."""
        matrix = other.matrix if self.matrix not in _KNOWN_MATRICES else self.matrix
        colour_range = self.range or other.range
        return replace(self, matrix=matrix, range=colour_range)

    def encoded_as(self, pixel_format: str, height: int) -> "ColourTags":
        """The tags of the same pictures encoded in another pixel format.

        YUV keeps the source's tags, unspecified ones too, so that a player's guess stays what it
        was. RGB sources have no matrix to keep: theirs is named after the frame's height.
        """
        if is_rgb(pixel_format):
            return replace(self, matrix=RGB_MATRIX, range=ColorRange.JPEG)
        if self.matrix == RGB_MATRIX:
            return replace(self, matrix=_guessed_matrix(height), range=ColorRange.MPEG)
        if pixel_format.startswith("yuvj"):
            return replace(self, range=ColorRange.JPEG)
        return self


class ColourConverter:
    """Decoded frames → pictures, pictures → frames to encode; keeps the scaler's state."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def to_picture(self, frame: av.VideoFrame, tags: ColourTags, depth: int) -> Picture:
        """A frame as stored → RGB (H, W, 3); uint16 where `depth` is more than 8 bits."""
        if not is_rgb(frame.format.name):
            frame = _without_chroma_location(frame)
            frame.colorspace = _known_matrix(tags.matrix, frame.height)
            frame.color_range = _known_range(tags.range, frame.format.name)
        rgb = "rgb24" if depth == 8 else "rgb48le"
        converted = self._reformatter.reformat(frame, format=rgb, interpolation=_TO_RGB)
        picture: Picture = converted.to_ndarray()  # type: ignore[assignment]
        return picture

    def to_frame(self, picture: Picture, pixel_format: str, tags: ColourTags) -> av.VideoFrame:
        """RGB (H, W, 3) uint8 or uint16 → a frame in `pixel_format`, tagged."""
        rgb = "rgb24" if picture.dtype == np.uint8 else "rgb48le"
        frame = av.VideoFrame.from_ndarray(picture.copy(order="C"), format=rgb)
        if not is_rgb(pixel_format):
            # The scaler gives its target the matrix of its source, where RGB makes no use of it.
            frame.colorspace = _known_matrix(tags.matrix, frame.height)
            frame = self._reformatter.reformat(
                frame,
                format=pixel_format,
                dst_color_range=_known_range(tags.range, pixel_format),
                interpolation=_FROM_RGB,
            )
        elif pixel_format != rgb:
            frame = self._reformatter.reformat(frame, format=pixel_format)
        frame.colorspace, frame.color_range = tags.matrix, tags.range
        frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
        return frame


def check_matrix(tags: ColourTags, name: str) -> None:
    """VideoError if the pictures of the video `name` cannot be turned into RGB."""
    if tags.matrix not in (UNSPECIFIED, *_KNOWN_MATRICES):
        raise VideoError(
            f"{name}: colour matrix {tags.matrix} (ITU-T H.273) is not supported; "
            "convert the video to BT.601, BT.709 or BT.2020 first"
        )


def is_rgb(pixel_format: str) -> bool:
    """Whether the format stores RGB (or palette) values, which need no matrix."""
    components = av.VideoFormat(pixel_format)
    return components.is_rgb or components.has_palette


def is_grey(pixel_format: str) -> bool:
    """Whether the format has no colour, with or without transparency."""
    layout = av.VideoFormat(pixel_format)
    return len(layout.components) <= 2 and not layout.has_palette and not layout.is_rgb


def without_colour(picture: Picture) -> Picture:
    """The mean of the picture's channels, rounded, in all three."""
    total = picture.sum(axis=-1, dtype=np.uint32, keepdims=True)
    grey: Picture = np.repeat((total + 1) // 3, 3, axis=-1).astype(picture.dtype)  # type: ignore[assignment]
    return grey


def bit_depth(pixel_format: str) -> int:
    """Bits of the deepest channel; 8 where they are fewer, as in rgb565."""
    return max(8, *(component.bits for component in av.VideoFormat(pixel_format).components))


def _guessed_matrix(height: int) -> int:
    return BT709 if height >= HD_LINES else BT601


def _known_matrix(matrix: int, height: int) -> int:
    return matrix if matrix in _SCALER_MATRICES else _guessed_matrix(height)


def _known_range(colour_range: int, pixel_format: str) -> int:
    """Grey without a range comes from still pictures, which are full range."""
    if colour_range != ColorRange.UNSPECIFIED:
        return colour_range
    full = pixel_format.startswith(("gray", "ya"))
    return ColorRange.JPEG if full else ColorRange.MPEG


def _without_chroma_location(frame: av.VideoFrame) -> av.VideoFrame:
    """A copy that does not say where its chroma samples lie.

    The scaler would move them from there to the middle, but cannot be told to move them back.
    """
    plain = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for source, target in zip(frame.planes, plain.planes, strict=True):
        width = min(source.line_size, target.line_size)
        _rows(target)[:, :width] = _rows(source)[:, :width]
    return plain


def _rows(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    """A view of a plane's bytes, (rows, bytes per row)."""
    data: npt.NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    return data.reshape(-1, plane.line_size)[: plane.height]
