"""Trying out, in a file that goes nowhere, what a container will say to a stream and its packets.

Muxers find out late what they cannot hold: some only when they finish the file, and then nothing of
it is left. Also, they hold packets back, so that an error need not be about the packet at hand.
"""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import av
from av.packet import Packet
from av.stream import Stream

from magnify.video.transcoding import LaneMaker

REFUSALS = (av.FFmpegError, ValueError, ArithmeticError)
"""What PyAV and FFmpeg raise for streams, packets and numbers that make no sense."""


class Rehearsal:
    """A file of one stream, written to nowhere.

    Raises:
        REFUSALS: on construction and later: the container or an encoder cannot take it.
    """

    def __init__(self, container: str, source: Stream, make: LaneMaker) -> None:
        self._target = av.open(_Nowhere(), "w", format=container)
        try:
            self._lane = make(source, self._target)
            self._target.start_encoding()
        except BaseException:
            self.abandon()
            raise
        self._stream = self._target.streams[0]

    def perform(self, packets: Sequence[Packet[Any]]) -> None:
        """Write the stream's first packets, as far as they are good, and finish the file.

        Raises:
            REFUSALS: the file cannot be finished, or none of the packets can be written.
        """
        try:
            failures = [failure for packet in packets if (failure := self._failure(packet))]
            if packets and len(failures) == len(packets):
                raise failures[0]
            self._target.mux(self._lane.flush())
            self._target.close()
        except BaseException:
            self.abandon()
            raise

    def try_out(self, packet: Packet[Any]) -> None:
        """Write a packet of the real target, which stays as it is.

        Raises:
            REFUSALS: it cannot be written.
        """
        stream, time_base = packet.stream, packet.time_base
        times = packet.pts, packet.dts, packet.duration
        packet.stream = self._stream
        try:
            self._target.mux(packet)
        finally:
            packet.stream, packet.time_base = stream, time_base
            packet.pts, packet.dts, packet.duration = times

    def abandon(self) -> None:
        """Close the file as it is."""
        with suppress(*REFUSALS):
            self._target.close()

    def _failure(self, packet: Packet[Any]) -> Exception | None:
        try:
            self._target.mux(self._lane.convert(packet))
        except REFUSALS as error:
            return error
        return None


class _Nowhere:
    """A file that forgets what is written to it."""

    def __init__(self) -> None:
        self._position = self._size = 0

    def write(self, data: bytes) -> int:
        self._position += len(data)
        self._size = max(self._size, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position
