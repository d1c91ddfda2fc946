"""A part of a video, encoded by itself: packets that begin with a key frame, in a file.

Parts with the same settings, put one behind the other, are one video. What belongs beside the
pictures (sound, tags, chapters) is no part of them; it is added once, where they are joined.
"""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import cast
from zipfile import BadZipFile

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from magnify.errors import VideoError

NO_TICK = -(2**62)
"""Stands for a time that a packet does not say."""


@dataclass(frozen=True)
class Segment:
    """A part of a video.

    Attributes:
        header: what a decoder has to know before the first packet, the encoder's extradata.
        frames: how many it has.
        first_pts: of the first of them, in the source's ticks.
        end: when its last frame ends, in seconds of the source's clock.
        table: for each packet its pts, dts and duration in ticks of the output, its size in bytes,
            and whether it is a key frame; (N, 5), in the order of decoding.
        data: the packets' bytes, one behind the other.
    """

    header: bytes
    frames: int
    first_pts: int
    end: Fraction
    table: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    data: bytes

    @classmethod
    def of(
        cls,
        header: bytes,
        frames: int,
        first_pts: int,
        end: Fraction,
        packets: list[Packet[VideoStream]],
    ) -> Segment:
        """The part that an encoder has made."""
        rows = [
            (
                NO_TICK if packet.pts is None else packet.pts,
                NO_TICK if packet.dts is None else packet.dts,
                packet.duration or 0,
                packet.size,
                packet.is_keyframe,
            )
            for packet in packets
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 5)
        return cls(header, frames, first_pts, end, table, b"".join(map(bytes, packets)))

    def packets(self, stream: VideoStream | None, tick: Fraction) -> Iterator[Packet[VideoStream]]:
        """The packets, for a stream of the container that they go to."""
        begin = 0
        for pts, dts, duration, size, is_key in self.table.tolist():
            packet = cast("Packet[VideoStream]", av.Packet(self.data[begin : begin + size]))
            begin += size
            packet.pts = None if pts == NO_TICK else pts
            packet.dts = None if dts == NO_TICK else dts
            packet.duration = duration
            packet.is_keyframe = bool(is_key)
            packet.time_base = tick
            if stream is not None:
                packet.stream = stream
            yield packet

    def to_bytes(self) -> bytes:
        """The part as a file; `from_bytes` takes it back."""
        facts = {
            "header": self.header.hex(),
            "frames": self.frames,
            "first_pts": self.first_pts,
            "end": str(self.end),
        }
        stored = io.BytesIO()
        np.savez(
            stored,
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            table=self.table,
            data=np.frombuffer(self.data, np.uint8),
        )
        return stored.getvalue()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Segment:
        """The part that `to_bytes` described.

        Raises:
            VideoError: it is damaged.
        """
        try:
            with np.load(io.BytesIO(stored), allow_pickle=False) as parts:
                facts = json.loads(parts["facts"].tobytes())
                return cls(
                    bytes.fromhex(facts["header"]),
                    facts["frames"],
                    facts["first_pts"],
                    Fraction(facts["end"]),
                    parts["table"],
                    parts["data"].tobytes(),
                )
        except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile) as error:
            raise VideoError(f"a part of the video is damaged: {error}") from error
