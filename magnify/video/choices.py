"""What the user may choose of what is read and how it is encoded; read without loading FFmpeg."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

from magnify.errors import SettingsError
from magnify.settings import Option

ENCODING = "Encoding"


def check_range(start: float | None, end: float | None, max_frames: int | None) -> None:
    """Checks which part of a video is asked for, in seconds from its first frame.

    Raises:
        SettingsError: there is no such part, in any video.
    """
    if start is not None and not 0 <= start < inf:
        raise SettingsError(f"start must be 0 s or later, not {start}")
    if end is not None and not (start or 0.0) < end < inf:
        raise SettingsError(f"end must be later than the start ({start or 0.0} s), not {end}")
    if max_frames is not None and max_frames < 1:
        raise SettingsError(f"max_frames must be 1 or more, not {max_frames}")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How to encode; None leaves a choice to the container and the source.

    Attributes:
        codec: an FFmpeg encoder such as "libx264", "libx265" or "prores_ks".
        crf: constant quality of encoders that have it; smaller is better.
        preset: speed of encoders that have it, "ultrafast" to "veryslow" or a number.
        pixel_format: FFmpeg's name, such as "yuv420p". By default 4:2:0 with 8 bits, or with 10
            for deeper sources, as that is what players take; 4:4:4 where the codec cannot halve
            the chroma of an odd size.
        lossless: FFV1 in RGB, with 8 or 16 bits, so that every picture comes back bit for bit.
        threads: of the encoder. By default it takes what the machine has, and with libx264 the
            pictures depend on their number.
        audio: copy the source's audio; otherwise leave it out.
        container: of a video that goes through standard output; a file's name says its own.
            Matroska by default.
    """

    codec: Annotated[
        str | None, Option("Video encoder; default libx264 (webm: libvpx-vp9).", ENCODING)
    ] = None
    crf: Annotated[
        float | None,
        Option("Quality: lower is better and larger; default 16.", ENCODING, minimum=0),
    ] = None
    preset: Annotated[str | None, Option("Speed preset of the encoder.", ENCODING)] = None
    pixel_format: Annotated[
        str | None,
        Option(
            "Pixel format; default: yuv420p, or 10 bits like the input.",
            ENCODING,
            names=("--pix-fmt",),
        ),
    ] = None
    lossless: Annotated[
        bool, Option("Write FFV1 in RGB, bit for bit what the network gave.", ENCODING)
    ] = False
    threads: int | None = None
    audio: Annotated[bool, Option("Leave out the sound.", ENCODING, names=(" /--no-audio",))] = True
    container: Annotated[
        Literal["mkv", "nut", "y4m"] | None,
        Option("Container of what goes through a pipe (-o -): mkv, nut or y4m.", ENCODING),
    ] = None
