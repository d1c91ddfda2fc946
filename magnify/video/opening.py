"""From a path to an open video file and the stream that is its video."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from magnify.errors import VideoError
from magnify.interruption import check
from magnify.video.files import FileState, check_unreplaced, file_state
from magnify.video.formats import IMAGE_SUFFIXES, VIDEO_OPTIONS
from magnify.video.pipes import STANDARD, standard_input
from magnify.video.tiff import pages
from magnify.video.truncation import missing_bytes

SEEKABLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Containers whose time stamps are the same after a jump as when read from the start."""

EXACT_TAGS: dict[str, Any] = {"metadata_errors": "surrogateescape"}
"""For `av.open`: tags in unknown encodings come out as the bytes that went in."""
if int(av.__version__.partition(".")[0]) >= 19:
    EXACT_TAGS = {}  # and always do


def open_video(
    path: Path, card: HWAccel | None = None, state: FileState | None = None
) -> InputContainer:
    """Open a video file or standard input, to be decoded by the CPU or by a graphics card.

    `state` is that of the file as it was found first, if it is opened anew.

    Raises:
        VideoError: missing, unreadable, a pipe, another file than before, not a video, or a single
            image.
    """
    if state is None:
        file_state(path)
    else:
        check_unreplaced(path, state)
    try:
        # Without "file:", a name such as "a:b.mp4" reads as a protocol.
        file = standard_input().reader() if path == STANDARD else f"file:{path}"
        container: InputContainer = av.open(
            file, hwaccel=card, options=dict(VIDEO_OPTIONS), **EXACT_TAGS
        )
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: {_not_opened(path, error)}") from error
    name = container.format.name
    if name.endswith("_pipe"):
        container.close()
        raise VideoError(f"{path}: {_not_a_video(path)}")
    return container


def jumps(path: Path, container: InputContainer) -> bool:
    """Whether a container can be read from its middle on, with the same time stamps."""
    return path != STANDARD and container.format.name in SEEKABLE


def video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream that is the video, ready to be decoded, in threads on a CPU.

    Of several it is one that moves, then one that the file marks as its default, then the one with
    the most frames, then the one with the most pixels. Cover pictures are never it.
    """
    streams = [stream for stream in container.streams.video if not is_still(stream)]
    if not streams:
        raise VideoError(f"{path}: has no video stream")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise VideoError(f"{path}: there is no decoder for its video stream{_fourcc(path)}")
    chosen = max(decodable, key=_rank)  # the first of equals
    if not chosen.codec_context.is_hwaccel:
        chosen.codec_context.thread_type = "AUTO"
    return chosen


def is_still(stream: Stream) -> bool:
    """Whether a stream is a picture that comes with the file, such as a cover."""
    return bool(stream.disposition & Disposition.attached_pic)


def _rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
    context = stream.codec_context
    default = bool(stream.disposition & Disposition.default)
    return stream.frames != 1, default, stream.frames, context.width * context.height


def _fourcc(path: Path) -> str:
    """What an AVI calls the codec of its pictures, in brackets; nothing of other files."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(4096)
        format_at = head.find(b"strf", head.find(b"vids"))
        name = head[format_at + 24 : format_at + 28].decode("ascii", "replace")
        if head.startswith(b"RIFF") and format_at > 0 and name.isprintable():
            return f" ({name})"
    return ""


def _not_opened(path: Path, error: av.FFmpegError | ValueError) -> str:
    """Why FFmpeg could not open a file, in words."""
    if path == STANDARD:
        check()  # who waited for it may have been ended
        return (
            "what comes through standard input cannot be read as a video "
            f"({getattr(error, 'strerror', None) or error}); send Matroska, NUT or Y4M, such as: "
            "ffmpeg -i IN -f nut - | magnify run - -o OUT.mkv"
        )
    if isinstance(error, av.ArgumentError):  # which a format that is not on the list gives, too
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _not_a_video(path)
        return (
            "cannot be read as a video (playlists, lists of files, texts and raw pictures without "
            "a header are not read; give a video file)"
        )
    missing = 0
    if not isinstance(error, PermissionError):
        with suppress(OSError):
            missing = missing_bytes(path)
    if missing:
        return f"cannot be read as a video (its end is missing, {missing} bytes or more)"
    return f"cannot be read as a video ({getattr(error, 'strerror', None) or error})"


def _not_a_video(path: Path) -> str:
    """What a file of pictures is, and what to give instead."""
    count = 1 if path == STANDARD else pages(path)
    if count > 1:
        return (
            f"is a TIFF of {count} pages, which are not read as a video; split it into pictures "
            "and give their folder, for instance with: tiffsplit or ImageMagick"
        )
    with suppress(OSError), path.open("rb") as file:
        head = file.read(64)
        if head[8:12] == b"WEBP" and b"ANIM" in head:
            return (
                "is an animated WebP, which is not read; convert it to a video or to PNGs first, "
                "for instance with ImageMagick"
            )
    return "is a single image; give a folder or a pattern like %04d.png"
