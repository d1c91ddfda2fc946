"""From a video file to its decoded frames, every one of them, whatever state the file is in."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Generator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from magnify.errors import VideoError
from magnify.video.files import FileState, change, check_unreplaced, file_state
from magnify.video.formats import IMAGE_SUFFIXES, VIDEO_OPTIONS
from magnify.video.tiff import pages
from magnify.video.truncation import missing_bytes

SEEKABLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Containers whose time stamps are the same after a jump as when read from the start."""

CLOCK_FALL = Fraction(1, 2)
"""Seconds: a clock that falls back farther was set anew. Less is a file's inaccuracy."""

EXACT_TAGS: dict[str, Any] = {"metadata_errors": "surrogateescape"}
"""For `av.open`: tags in unknown encodings come out as the bytes that went in."""
if int(av.__version__.partition(".")[0]) >= 19:
    EXACT_TAGS = {}  # and always do


def open_video(
    path: Path, card: HWAccel | None = None, state: FileState | None = None
) -> InputContainer:
    """Open a video file, to be decoded by the CPU or by a graphics card.

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
        container: InputContainer = av.open(
            f"file:{path}", hwaccel=card, options=dict(VIDEO_OPTIONS), **EXACT_TAGS
        )
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: {_not_opened(path, error)}") from error
    name = container.format.name
    if name.endswith("_pipe"):
        container.close()
        raise VideoError(f"{path}: {_not_a_video(path)}")
    return container


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
    count = pages(path)
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


def decode(packet: Packet[Any]) -> list[av.VideoFrame]:
    """The frames that a packet completes; the empty packet at the end gives all that are left.

    Raises:
        av.InvalidDataError: the packet is damaged.
    """
    if packet.size == 0 and (packet.pts is not None or packet.dts is not None):
        return []  # AVI repeats a picture so; a decoder would take it for the end
    frames: list[av.VideoFrame] = packet.decode()
    if packet.stream.container.format.name == "avi":
        for frame in frames:  # AVI stores when to decode; when to show is guessed from that, badly
            frame.pts = frame.dts
    return frames


def reaches(path: Path, pts: int) -> bool:
    """Whether a video has a frame at a time stamp or after it, whatever its file says."""
    with open_video(path) as container, suppress(av.FFmpegError):
        stream = video_stream(path, container)
        if container.format.name in SEEKABLE:
            container.seek(pts, stream=stream)
        return any(
            packet.pts is not None and packet.pts >= pts for packet in container.demux(stream)
        )
    return False


def card_decoder(path: Path, index: int) -> HWAccel | None:
    """The video decoder of NVIDIA card `index`, for `open_video`.

    Its pictures come back to the CPU, in a pixel format with the same values. None if there is no
    such card, or none of its decoders can take this video.
    """
    card = HWAccel("cuda", device=str(index))
    try:
        with open_video(path, card) as container:
            return card if video_stream(path, container).codec_context.is_hwaccel else None
    except VideoError:
        return None


class Decoder:
    """Iterates over all frames of a video file, starting at a key frame before `start_pts`.

    After the last frame, `damage` says in words what was missing, or is None.
    """

    def __init__(
        self,
        path: Path,
        state: FileState | None,
        start_pts: int | None = None,
        card: HWAccel | None = None,
    ) -> None:
        self.path = path
        self._state = state
        self.damage: str | None = None
        self._start_pts = start_pts
        self._card = card
        self._broke_off: str | None = None
        self._undecodable = 0
        self._corrupt = 0

    def __iter__(self) -> Generator[av.VideoFrame, None, None]:
        with open_video(self.path, self._card, self._state) as container:
            stream = video_stream(self.path, container)
            if self._start_pts is not None and container.format.name in SEEKABLE:
                yield from self._sought(container, stream, self._start_pts)
            else:
                yield from self._frames(container, stream)
        self.damage = self._damage()

    def _sought(
        self, container: InputContainer, stream: VideoStream, start: int
    ) -> Generator[av.VideoFrame, None, None]:
        """From a key frame on that is shown no later than `start`.

        MP4 finds key frames by when they are decoded. Frames that are decoded after one and shown
        before it are lost where reading begins with it; so a jump that came too late is made anew,
        from ever farther back.
        """
        assert stream.time_base is not None
        target = start
        while True:
            container.seek(target, stream=stream)
            frames = self._frames(container, stream)
            first = next(frames, None)
            in_time = first is not None and first.pts is not None and first.pts <= start
            if in_time or target < (stream.start_time or 0):
                break
            target = start - 2 * (start - target) - round(1 / stream.time_base)
        if first is not None:
            yield first
            yield from frames

    def _frames(
        self, container: InputContainer, stream: VideoStream
    ) -> Generator[av.VideoFrame, None, None]:
        self._broke_off = None
        self._undecodable = self._corrupt = 0
        try:
            for packet in container.demux(stream):
                yield from self._decode(packet)
        except av.FFmpegError as error:
            self._broke_off = error.strerror
            yield from stream.decode(None)

    def _decode(self, packet: Packet[Any]) -> list[av.VideoFrame]:
        try:
            frames = decode(packet)
        except av.FFmpegError:
            self._undecodable += 1
            return []
        self._corrupt += sum(frame.is_corrupt for frame in frames if self._is_wanted(frame))
        return frames

    def _is_wanted(self, frame: av.VideoFrame) -> bool:
        """After a jump, frames before the wanted one may lack what they refer to."""
        return self._start_pts is None or (frame.pts is not None and frame.pts >= self._start_pts)

    def _damage(self) -> str | None:
        changed = change(self.path, self._state) if self._state else None
        missing = 0 if changed and not self.path.exists() else missing_bytes(self.path)
        if missing:
            return f"its end is missing, {missing} bytes or more"
        if self._broke_off:
            return f"reading broke off ({self._broke_off})"
        if self._undecodable:
            return f"{self._undecodable} packets are damaged"
        if self._corrupt:
            return f"{self._corrupt} frames are damaged"
        return changed
