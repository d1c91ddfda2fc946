"""Standard input and output as a video: `-` where a file's name would stand.

A file is opened several times: to look at it, for its pictures, for its sound, and again where a
filter needs the whole clip. So what has come through standard input is kept in temporary files,
from the beginning, until it is said that nobody will begin anew; from then on only what lies
between the slowest reader and the fastest. Nobody reads ahead: what comes is fetched when the
fastest reader asks for it, and so a pipe's other end waits for the network.
"""

import os
import select
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO
from weakref import WeakSet

from magnify.errors import SettingsError, VideoError
from magnify.interruption import Interrupted, check

STANDARD = Path("-")
"""The name of standard input among inputs, and of standard output among outputs."""

CONTAINERS = {"mkv": "matroska", "nut": "nut", "y4m": "yuv4mpegpipe"}
"""What a pipe can carry as it is written, with FFmpeg's names."""

_PIECE = 2**24
"""Bytes in one of the temporary files."""

_FETCHED = 2**20
"""Bytes that are asked for at once; a pipe holds fewer."""

_POLL_SECONDS = 0.1
"""How often a reader that waits looks whether a signal is to end the command."""


class PipeReader:
    """Reads from the beginning on, as a file that can only go forward; FFmpeg calls `read`."""

    def __init__(self, source: "StandardInput") -> None:
        self._source = source
        self.position = 0

    def read(self, count: int) -> bytes:
        try:
            data = self._source.read(self.position, count)
        except Interrupted:  # FFmpeg cannot pass it on; whoever reads frames asks for themselves
            return b""
        self.position += len(data)
        return data


class StandardInput:
    """What comes through standard input, for readers that each begin with its first byte.

    Raises:
        VideoError: on construction, it is a terminal; later, it cannot be read or kept.
    """

    def __init__(self, descriptor: int) -> None:
        if os.isatty(descriptor):
            raise VideoError(
                "-: standard input is the terminal; send a video through a pipe, such as: "
                "ffmpeg -i IN -f nut - | magnify run - -o OUT.mkv"
            )
        self._descriptor = descriptor
        self._length = 0
        self._ended = False
        self._pieces: dict[int, IO[bytes]] = {}
        self._kept = Lock()  # for the pieces and the length
        self._fetching = Lock()  # for the descriptor: who waits there must not stop the others
        self._readers: WeakSet[PipeReader] = WeakSet()
        self._for_ever = True

    def reader(self) -> PipeReader:
        """A new reader.

        Raises:
            VideoError: the beginning is no longer there.
        """
        if not self._for_ever:
            raise VideoError("-: standard input can be read only once here; save it to a file")
        reader = PipeReader(self)
        self._readers.add(reader)
        return reader

    def forget(self) -> None:
        """From now on, what all readers have passed is not kept."""
        self._for_ever = False

    def read(self, position: int, count: int) -> bytes:
        """At most `count` bytes from `position` on, once there is one; none at the end."""
        while True:
            with self._kept:
                if position < self._length:
                    return self._stored(position, count)
                if self._ended:
                    return b""
            self._fetch(position)

    def _stored(self, position: int, count: int) -> bytes:
        number, offset = divmod(position, _PIECE)
        piece = self._pieces[number]
        piece.seek(offset)
        return piece.read(min(count, self._length - position, _PIECE - offset))

    def _fetch(self, position: int) -> None:
        """Waits until there is more than `position` bytes, or the end."""
        with self._fetching:
            if position < self._length or self._ended:
                return  # another reader was quicker
            try:
                data = self._arrived()
                with self._kept:
                    self._keep(data)
            except OSError as error:
                raise VideoError(
                    f"-: standard input cannot be read and kept: {error.strerror}"
                ) from error

    def _arrived(self) -> bytes:
        if sys.platform != "win32":  # where only sockets can be waited for
            while not select.select([self._descriptor], [], [], _POLL_SECONDS)[0]:
                check()
        return os.read(self._descriptor, _FETCHED)

    def _keep(self, data: bytes) -> None:
        self._ended = not data
        while data:
            number, offset = divmod(self._length, _PIECE)
            if number not in self._pieces:
                self._drop()
                self._pieces[number] = TemporaryFile(prefix="magnify-", buffering=0)  # noqa: SIM115
            piece = self._pieces[number]
            piece.seek(offset)
            written = piece.write(data[: _PIECE - offset])
            self._length += written
            data = data[written:]

    def _drop(self) -> None:
        if self._for_ever:
            return
        slowest = min((reader.position for reader in self._readers), default=self._length)
        for number in [number for number in self._pieces if (number + 1) * _PIECE <= slowest]:
            self._pieces.pop(number).close()


@cache
def standard_input() -> StandardInput:
    """The one there is."""
    return StandardInput(0)


class StandardOutput:
    """Takes the bytes of a video as they are made, and sends them through standard output.

    Raises:
        SettingsError: on construction, it is a terminal.
    """

    def __init__(self, descriptor: int = 1) -> None:
        if os.isatty(descriptor):
            raise SettingsError(
                "-: the video would be printed on the terminal; send it on, such as: "
                "magnify run IN -o - | ffplay -"
            )
        self._descriptor = descriptor

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return len(data)
