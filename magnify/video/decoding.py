"""From a video file to its decoded frames, every one of them, whatever state the file is in."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from magnify.errors import VideoError

MISSING_SECONDS = 0.25
"""A file is truncated if all its streams end so much earlier than its header promises."""

SEEKABLE = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Containers whose time stamps are the same after a jump as when read from the start."""

HEADED = (*SEEKABLE, "avi")
"""Containers whose header knows the duration; for others it is guessed from what is there."""


def open_video(path: Path) -> InputContainer:
    """Open a video file.

    Raises:
        VideoError: missing, unreadable, not a video, or a single image.
    """
    if not path.exists():
        raise VideoError(f"{path}: no such file")
    try:
        # Without "file:", a name such as "a:b.mp4" reads as a protocol. Tags in unknown
        # encodings must come out as the bytes that went in.
        container = av.open(f"file:{path}", metadata_errors="surrogateescape")
    except av.FFmpegError as error:
        raise VideoError(f"{path}: cannot be read as a video ({error.strerror})") from error
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        container.close()
        raise VideoError(f"{path}: is a single image; give a folder or a pattern like %04d.png")
    return container


def video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The first video stream that is no cover picture, ready to be decoded in threads."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(f"{path}: there is no decoder for its video stream")
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


class Decoder:
    """Iterates over all frames of a video file, starting at a key frame before `start_pts`.

    After the last frame, `damage` says in words what was missing, or is None.
    """

    def __init__(self, path: Path, start_pts: int | None = None) -> None:
        self.path = path
        self.damage: str | None = None
        self._start_pts = start_pts
        self._undecodable = 0
        self._reach = 0.0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        with open_video(self.path) as container:
            stream = video_stream(self.path, container)
            if self._start_pts is not None and container.format.name in SEEKABLE:
                container.seek(self._start_pts, stream=stream)
            try:
                for packet in container.demux():
                    self._measure(packet)
                    if packet.stream is stream:
                        yield from self._decode(packet)
            except av.FFmpegError as error:
                self.damage = f"ends early ({error.strerror})"
                yield from stream.decode(None)
            else:
                self._find_damage(container)

    def _decode(self, packet: Packet[Any]) -> list[av.VideoFrame]:
        try:
            return decode(packet)
        except av.FFmpegError:
            self._undecodable += 1
            return []

    def _measure(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._reach = max(self._reach, float(end))

    def _find_damage(self, container: InputContainer) -> None:
        """Most demuxers take a file that breaks off for one that ends; its header knows better."""
        if self._undecodable:
            self.damage = f"{self._undecodable} damaged packets could not be decoded"
        if container.format.name in HEADED and container.duration:
            missing = container.duration / av.time_base - self._reach
            if missing > MISSING_SECONDS:
                self.damage = f"ends {missing:.2f} s early"
