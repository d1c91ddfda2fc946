"""From a video file to its decoded frames, every one of them, whatever state the file is in."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Generator
from pathlib import Path
from stat import S_ISREG
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from magnify.errors import VideoError
from magnify.video.truncation import missing_bytes

SEEKABLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Containers whose time stamps are the same after a jump as when read from the start."""

EXACT_TAGS: dict[str, Any] = {"metadata_errors": "surrogateescape"}
"""For `av.open`: tags in unknown encodings come out as the bytes that went in."""
if int(av.__version__.partition(".")[0]) >= 19:
    EXACT_TAGS = {}  # and always do


def open_video(path: Path, card: HWAccel | None = None) -> InputContainer:
    """Open a video file, to be decoded by the CPU or by a graphics card.

    Raises:
        VideoError: missing, unreadable, a pipe, not a video, or a single image.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise VideoError(f"{path}: no such file") from error
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if not S_ISREG(mode):
        raise VideoError(
            f"{path}: is no file; videos are read more than once: save it to one first"
        )
    try:
        # Without "file:", a name such as "a:b.mp4" reads as a protocol.
        container: InputContainer = av.open(f"file:{path}", hwaccel=card, **EXACT_TAGS)
    except av.FFmpegError as error:
        missing = missing_bytes(path) if not isinstance(error, PermissionError) else 0
        reason = f"its end is missing, {missing} bytes or more" if missing else error.strerror
        raise VideoError(f"{path}: cannot be read as a video ({reason})") from error
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        container.close()
        raise VideoError(f"{path}: is a single image; give a folder or a pattern like %04d.png")
    return container


def video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture, ready to be decoded, in threads on a CPU."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(f"{path}: there is no decoder for its video stream")
            if not stream.codec_context.is_hwaccel:
                stream.codec_context.thread_type = "AUTO"
            return stream
    raise VideoError(f"{path}: has no video stream")


def decode(packet: Packet[Any]) -> list[av.VideoFrame]:
    """The frames that a packet completes; the empty packet at the end gives all that are left.

    Raises:
        av.InvalidDataError: the packet is damaged.
    """
    if packet.size == 0 and (packet.pts is not None or packet.dts is not None):
        return []  # AVI repeats a picture so; a decoder would take it for the end
    return packet.decode()


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
        self, path: Path, start_pts: int | None = None, card: HWAccel | None = None
    ) -> None:
        self.path = path
        self.damage: str | None = None
        self._start_pts = start_pts
        self._card = card
        self._undecodable = 0
        self._corrupt = 0

    def __iter__(self) -> Generator[av.VideoFrame, None, None]:
        with open_video(self.path, self._card) as container:
            stream = video_stream(self.path, container)
            if self._start_pts is not None and container.format.name in SEEKABLE:
                container.seek(self._start_pts, stream=stream)
            reason = None
            try:
                for packet in container.demux(stream):
                    yield from self._decode(packet)
            except av.FFmpegError as error:
                reason = error.strerror
                yield from stream.decode(None)
        self.damage = self._damage(reason)

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

    def _damage(self, reason: str | None) -> str | None:
        missing = missing_bytes(self.path)
        if missing:
            return f"its end is missing, {missing} bytes or more"
        if reason:
            return f"reading broke off ({reason})"
        if self._undecodable:
            return f"{self._undecodable} packets are damaged"
        if self._corrupt:
            return f"{self._corrupt} frames are damaged"
        return None
