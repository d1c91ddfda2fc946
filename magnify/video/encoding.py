"""How the output is encoded: what follows from what the user chose and from the source."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
from av.codec.codec import UnknownCodecError
from av.video.format import VideoFormatComponent

from magnify.errors import SettingsError, did_you_mean
from magnify.video.choices import Encoding
from magnify.video.colour import bit_depth, is_rgb
from magnify.video.info import NOTED_JITTER, VideoInfo
from magnify.video.pipes import STANDARD

CONTAINER_CODECS = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
    ".gif": "gif",
    ".nut": "libx264",
    ".y4m": "rawvideo",
}
"""What can be written, and the codec of each if the user names none."""

DEFAULT_CRF = {
    "libx264": 16.0,
    "libx265": 18.0,
    "libvpx-vp9": 20.0,
    "libsvtav1": 20.0,
    "h264_nvenc": 16.0,
    "hevc_nvenc": 18.0,
    "av1_nvenc": 20.0,
}
"""Constant quality at which the encoding's own errors stay below the magnified motion."""

DEFAULT_PRESET = {"libx264": "fast"}
"""Three fifths of x264's own default's time, for 0.02 dB: it shares the CPU with the network."""

NVENC = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")
"""NVIDIA's encoders on the card: their constant quality is called cq, and 0 leaves it to them."""

SPELT = {"h265": "libx265", "x265": "libx265", "x264": "libx264", "avc": "libx264"}
"""Encoders by names that FFmpeg does not know them by."""

LARGEST_CRF = {"libx264": 51, "libx265": 51, "h264_nvenc": 51, "hevc_nvenc": 51}
"""Of others it is 63."""

X26X_PRESETS = "ultrafast superfast veryfast faster fast medium slow slower veryslow placebo"

UNTURNED = frozenset({".gif", ".nut", ".y4m"})
"""Containers that cannot say how their pictures are to be turned."""

RAW_FORMATS = (
    *("gray", "yuv420p", "yuv422p", "yuv444p"),
    *("gray10le", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
)
"""The pixel formats that Y4M has names for, of those that pictures are stored in here."""

TICKS_PER_SECOND = {".gif": 100, ".mkv": 1000, ".webm": 1000}
"""Containers whose clock has ticks of its own; the others take the source's."""

CODECS_WITH_ASPECT = frozenset({"gif", "libx264", "libx264rgb", "libx265", "mpeg4"})
"""These write a pixel's aspect ratio themselves; in Matroska and WebM nothing else does."""

EVEN_SIZES_ONLY = frozenset({"libx264", "libx265", *NVENC})
"""Encoders that take odd sizes only in formats that do not halve the chroma."""

FIXED_OPTIONS = {
    "libvpx-vp9": {"row-mt": "1", "b": "0"},
    "libx265": {"x265-params": "log-level=error"},
    **{codec: {"rc": "vbr", "b": "0"} for codec in NVENC},
}
"""A bit rate of 0 makes constant quality the only rule of libvpx and of NVIDIA's encoders."""


def container_suffix(path: Path, encoding: Encoding) -> str:
    """What kind of container an output is: the suffix that such files have.

    Raises:
        SettingsError: a container is asked for that the name does not leave open.
    """
    if path == STANDARD:
        return f".{encoding.container or 'mkv'}"
    if encoding.container is not None:
        raise SettingsError(
            f"--container is for what goes through a pipe (-o -); {path} says what it is"
        )
    return path.suffix.lower()


@dataclass(frozen=True)
class EncoderSettings:
    """What an `Encoding` comes down to for one source and container."""

    codec: str
    pixel_format: str
    options: dict[str, str]


def encoder_settings(
    encoding: Encoding, suffix: str, info: VideoInfo, notify: Callable[[str], None]
) -> EncoderSettings:
    """Settle the codec, its pixel format and its options, before anything is opened.

    Raises:
        SettingsError: a name is unknown, or the choices contradict each other.
    """
    if suffix not in CONTAINER_CODECS:
        raise SettingsError(
            f"cannot write {suffix or 'this kind of'} files; use one of "
            f"{', '.join(CONTAINER_CODECS)}, or a folder name that ends with / for images"
        )
    ticks = TICKS_PER_SECOND.get(suffix)
    rate = info.average_rate and min(info.average_rate, info.stated_rate or info.average_rate)
    if ticks and rate and rate > ticks:
        raise SettingsError(
            f"{float(rate):g} frames a second are too many for {suffix}, whose clock "
            f"ticks {ticks} times; use .mp4"
        )
    settings = _settings(encoding, suffix, info, notify)
    if encoding.threads is not None:
        settings.options["threads"] = str(encoding.threads)
    if info.interlaced:
        notify("the fields of interlaced frames are kept, but not marked as such")
    if has_alpha(info):
        notify("transparency is dropped")
    if info.mastering:
        notify("HDR10's mastering display and content light level are dropped")
    aspect = info.sample_aspect_ratio or 1
    if aspect != 1 and ticks and settings.codec not in CODECS_WITH_ASPECT:
        notify(f"pixels of {aspect} aspect cannot be stored with {settings.codec} in {suffix}")
    return settings


def has_alpha(info: VideoInfo) -> bool:
    """Whether a source's pictures may be transparent; a GIF's palette always may."""
    within = any(part.is_alpha for part in _components(info.pixel_format))
    return info.alpha_beside or (within and info.codec != "gif")


def _settings(
    encoding: Encoding, suffix: str, info: VideoInfo, notify: Callable[[str], None]
) -> EncoderSettings:
    if suffix == ".y4m":
        return _raw(encoding, info, notify)
    if encoding.lossless:
        return _lossless(encoding, info)
    codec = encoding.codec or CONTAINER_CODECS[suffix]
    if codec == "gif":
        if encoding.pixel_format is not None:
            raise SettingsError("gif has a palette for each picture; it takes no --pix-fmt")
        return EncoderSettings(codec, "pal8", _options(encoding, codec))
    pixel_format = _pixel_format(encoding, codec, info, notify)
    return EncoderSettings(codec, pixel_format, _options(encoding, codec))


def _raw(encoding: Encoding, info: VideoInfo, notify: Callable[[str], None]) -> EncoderSettings:
    if (encoding.codec, encoding.crf, encoding.preset) != (None,) * 3 or encoding.lossless:
        raise SettingsError(
            ".y4m is not compressed; it takes no --codec, --crf, --preset, --lossless"
        )
    if info.average_rate is None:
        raise SettingsError(".y4m needs a frame rate, and the input has none; use .mkv")
    if info.frame_interval_jitter > NOTED_JITTER:
        notify("the frame rate varies, which .y4m cannot say; time stamps are dropped")
    chosen = encoding.pixel_format or info.pixel_format
    if encoding.pixel_format is None and chosen not in RAW_FORMATS:
        chosen = _default_format(list(RAW_FORMATS), info, even=not (info.width | info.height) % 2)
    if chosen not in RAW_FORMATS:
        raise SettingsError(f".y4m has no pixel format {chosen}; it has {', '.join(RAW_FORMATS)}")
    _tell_losses(info, chosen, notify)
    return EncoderSettings("rawvideo", chosen, {})


def _lossless(encoding: Encoding, info: VideoInfo) -> EncoderSettings:
    if (encoding.codec, encoding.crf, encoding.preset, encoding.pixel_format) != (None,) * 4:
        raise SettingsError(
            "lossless is FFV1 in RGB; it takes no --codec, --crf, --preset or --pix-fmt"
        )
    pixel_format = "bgr0" if info.bit_depth == 8 else "gbrp16le"
    return EncoderSettings("ffv1", pixel_format, {"level": "3", "slicecrc": "1"})


def _options(encoding: Encoding, codec: str) -> dict[str, str]:
    options = dict(FIXED_OPTIONS.get(codec, {}))
    crf = DEFAULT_CRF.get(codec) if encoding.crf is None else encoding.crf
    if crf is not None:
        smallest, largest = int(codec in NVENC), LARGEST_CRF.get(codec, 63)
        if not smallest <= crf <= largest:
            raise SettingsError(
                f"crf must be between {smallest} and {largest} for {codec}, not {crf:g}"
            )
        options["cq" if codec in NVENC else "crf"] = f"{crf:g}"
    preset = DEFAULT_PRESET.get(codec) if encoding.preset is None else encoding.preset
    if preset is not None:
        if codec in ("libx264", "libx265") and preset not in X26X_PRESETS.split():
            raise SettingsError(f"{codec} has no preset {preset}; it has {X26X_PRESETS}")
        options["preset"] = preset
    return options


def _pixel_format(
    encoding: Encoding, codec: str, info: VideoInfo, notify: Callable[[str], None]
) -> str:
    supported = _supported_formats(codec)
    odd = bool(info.width % 2 or info.height % 2) and codec in EVEN_SIZES_ONLY
    size = f"{info.width}x{info.height}"
    if encoding.pixel_format is not None:
        if encoding.pixel_format not in supported:
            raise SettingsError(
                f"{codec} has no pixel format {encoding.pixel_format}; "
                f"it has {', '.join(supported)}"
            )
        if odd and _chroma(encoding.pixel_format) != (64, 64):
            raise SettingsError(
                f"{codec} cannot store {size} as {encoding.pixel_format}, which halves the chroma; "
                "use yuv444p"
            )
        return encoding.pixel_format
    chosen = _default_format(supported, info, even=not odd)
    if odd:
        notify(f"the odd size {size} is kept by storing full chroma ({chosen})")
    _tell_losses(info, chosen, notify)
    return chosen


def _supported_formats(codec: str) -> list[str]:
    try:
        encoder = av.Codec(codec, "w")
    except UnknownCodecError as error:
        usual = SPELT.get(codec, codec)
        raise SettingsError(
            f"there is no video encoder {codec} (try libx264).{did_you_mean(usual, DEFAULT_CRF)}"
        ) from error
    formats = [format.name for format in encoder.video_formats or ()]
    if encoder.type != "video" or not formats:
        raise SettingsError(f"{codec} is not a video encoder for files (try libx264)")
    if encoder.name != codec:
        raise SettingsError(f"{codec} is a format, not an encoder. Did you mean '{encoder.name}'?")
    return formats


def _default_format(supported: list[str], info: VideoInfo, *, even: bool) -> str:
    """4:2:0 if possible, with the depth of the source as far as players take it."""
    shallow = ["yuv420p", "yuv422p", "yuv444p"]
    deep = ["yuv420p10le", "p010le", "yuv422p10le", "yuv444p10le"]
    wanted = deep + shallow if info.bit_depth > 8 else shallow + deep
    if not even:
        wanted = [name for name in wanted if _chroma(name) == (64, 64)]
    return next((name for name in wanted if name in supported), supported[0])


def _components(pixel_format: str) -> tuple[VideoFormatComponent, ...]:
    return av.VideoFormat(pixel_format, 64, 64).components


def _chroma(pixel_format: str) -> tuple[int, int]:
    """Width and height of the chroma of 64x64 pixels."""
    layout = av.VideoFormat(pixel_format, 64, 64)
    return layout.chroma_width(64), layout.chroma_height(64)


def _tell_losses(info: VideoInfo, chosen: str, notify: Callable[[str], None]) -> None:
    """What a default keeps back from the user's video must not go unsaid."""
    if bit_depth(chosen) < info.bit_depth:
        notify(f"{info.bit_depth} bits are stored with {bit_depth(chosen)} ({chosen})")
    grey = len(_components(info.pixel_format)) < 3
    if not grey and not is_rgb(info.pixel_format) and _chroma(chosen) < _chroma(info.pixel_format):
        notify(f"the chroma of {info.pixel_format} is stored halved ({chosen}; see --pix-fmt)")
