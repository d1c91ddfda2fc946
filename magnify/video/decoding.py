"""From a video file to its decoded frames, every one of them, whatever state the file is in."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from magnify.errors import VideoError
from magnify.messages import counted
from magnify.video.files import FileState, change
from magnify.video.opening import jumps, open_video, video_stream
from magnify.video.pipes import STANDARD
from magnify.video.timing import LARGEST_STAMP
from magnify.video.truncation import missing_bytes


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
        if jumps(path, container):
            with suppress(av.FFmpegError):
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
            if self._start_pts is not None and jumps(self.path, container):
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
            with suppress(av.FFmpegError):  # a damaged index: it is read from where it is
                container.seek(target, stream=stream)
            frames = self._frames(container, stream)
            first = next(frames, None)
            in_time = first is not None and first.pts is not None and first.pts <= start
            if in_time or target < max(stream.start_time or 0, -LARGEST_STAMP):
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
        try:
            missing = 0 if self.path == STANDARD else missing_bytes(self.path)
        except FileNotFoundError:  # which `changed` says
            missing = 0
        except OSError as error:
            return f"reading broke off ({error.strerror})"
        if missing:
            return f"its end is missing, {missing} bytes or more"
        if self._broke_off:
            return f"reading broke off ({self._broke_off})"
        return self.seen_damage or changed

    @property
    def seen_damage(self) -> str | None:
        """What was damaged in what was decoded so far, in words; None if nothing was."""
        if self._undecodable:
            return f"damage in {counted(self._undecodable, 'packet')}"
        return f"damage in {counted(self._corrupt, 'frame')}" if self._corrupt else None
