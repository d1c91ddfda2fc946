"""One stream on its way into the output, with what is damaged left out."""

from __future__ import annotations  # PyAV's packets are generic in its stubs only

from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from magnify.video.files import FileState
from magnify.video.opening import is_still, open_video
from magnify.video.rehearsal import REFUSALS, Rehearsal
from magnify.video.timing import CLOCK_FALL, LONGEST_FRAME, LONGEST_STATED
from magnify.video.transcoding import LaneMaker, stream_name, ways

_FIRST_PACKETS = 4
"""So many of each stream are tried out; the very first may be damaged."""
_MOST_PACKETS = 2000
"""So many are read for that, as streams may begin late, or have no packets."""


class Track:
    """A stream that the output takes: copied or re-encoded, packet by packet.

    Attributes:
        damaged: how many packets were left out, since they or their clocks are damaged.
        clock_fell: whether the clock has started anew.
    """

    def __init__(self, source: Stream, target: OutputContainer, make: LaneMaker) -> None:
        self._name = stream_name(source)
        self._target = target
        self._lane = make(source, target)
        self._rehearsal = Rehearsal(target.format.name, source, make)
        self._latest: Fraction | None = None
        self._fell_before = False
        self.damaged = 0
        self.clock_fell = False

    @property
    def damage(self) -> str | None:
        """What was left out, in words."""
        if self.clock_fell:
            return f"the clock of {self._name} starts anew; from there on it is left out"
        if self.damaged:
            return f"{self.damaged} packets of {self._name} are damaged; left out"
        return None

    def accepts(self, packet: Packet[Any], origin: Fraction) -> bool:
        """Whether a packet is whole, and its time follows those before it, or `origin`.

        Once the clock has started anew, nothing is accepted any more. One packet that lies back is
        damaged; the next one tells.
        """
        if is_damaged(packet):
            self.damaged += 1
            return False
        time = packet_time(packet)
        if self.clock_fell or time is None or is_still(packet.stream):
            return not self.clock_fell
        latest = origin if self._latest is None else self._latest
        if self._latest is not None and time < latest - CLOCK_FALL:
            self.damaged += 1
            self.clock_fell, self._fell_before = self._fell_before, True
            return False
        self._fell_before = False
        if packet.stream.type in ("audio", "video") and abs(time - latest) > LONGEST_FRAME:
            self.damaged += 1
            return False
        self._latest = time
        return True

    def write(self, packet: Packet[Any], shift: Fraction) -> None:
        """Convert a packet of the source and write it, moved `shift` seconds earlier."""
        try:
            converted = self._lane.convert(packet)
        except REFUSALS:
            self.damaged += 1
            return
        self._mux(converted, shift)

    def finish(self, shift: Fraction) -> None:
        """Write what is still held back."""
        try:
            converted = self._lane.flush()
        except REFUSALS:
            self.damaged += 1
        else:
            self._mux(converted, shift)
        self.close()

    def close(self) -> None:
        self._rehearsal.abandon()

    def _mux(self, packets: list[Packet[Any]], shift: Fraction) -> None:
        for packet in packets:
            ticks = round(shift / packet.time_base)
            try:
                if packet.pts is not None:
                    packet.pts -= ticks
                if packet.dts is not None:
                    packet.dts -= ticks
                self._rehearsal.try_out(packet)
            except REFUSALS:
                self.damaged += 1
                continue
            self._target.mux(packet)


def chosen_way(
    stream: Stream, container: str, packets: list[Packet[Any]]
) -> tuple[LaneMaker, str] | None:
    """The first way of a stream into a kind of container that its first packets can go.

    With what to say of it; None if there is no way. `stream` is not to be read any further.
    """
    for make, notice in ways(stream, container):
        try:
            Rehearsal(container, stream, make).perform(packets)
        except REFUSALS:
            continue
        return make, notice
    return None


def has_damaged_sound(stream: Stream, packets: list[Packet[Any]]) -> bool:
    """Whether a stream that no container takes is sound of which nothing can be decoded.

    `stream` is not to be read any further.
    """
    if not isinstance(stream, AudioStream) or stream.codec_context is None:
        return False
    for packet in packets:
        with suppress(*REFUSALS):
            if any(frame.samples for frame in stream.decode(packet)):
                return False
    return True


class Beginnings:
    """The first packets of some streams of a file, which is opened for them alone."""

    def __init__(self, path: Path, state: FileState | None, wanted: set[int]) -> None:
        self._container = open_video(path, state=state)
        self.streams = self._container.streams
        self.packets: dict[int, list[Packet[Any]]] = {index: [] for index in wanted}
        for stream in self.streams:
            if stream.index not in wanted:
                stream.discard = Discard.all
        with suppress(av.FFmpegError):  # where the source breaks off is for its video's reader
            self._read([self.streams[index] for index in sorted(wanted)])

    def close(self) -> None:
        self._container.close()

    def _read(self, streams: list[Stream]) -> None:
        missing = len(streams)
        for packet in islice(self._container.demux(streams) if streams else (), _MOST_PACKETS):
            if packet.size and not is_damaged(packet):
                found = self.packets[packet.stream_index]
                if len(found) < _FIRST_PACKETS:
                    found.append(packet)
                    missing -= len(found) == _FIRST_PACKETS
            if not missing:
                break


def is_damaged(packet: Packet[Any]) -> bool:
    """Whether a packet is known to be incomplete, or says that it lasts for ages."""
    if packet.is_corrupt:
        return True
    return packet.stream.type == "audio" and bool(
        packet.duration and packet.duration * packet.time_base > LONGEST_STATED
    )


def packet_time(packet: Packet[Any]) -> Fraction | None:
    """When a packet starts, in seconds of its file's clock, where it says so."""
    ticks = packet.dts if packet.pts is None else packet.pts
    return None if ticks is None else ticks * packet.time_base
