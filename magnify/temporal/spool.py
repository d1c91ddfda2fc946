"""Where a whole clip's representations wait: in RAM up to a budget, beyond it on disk."""

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from magnify.errors import VideoError
from magnify.messages import Message, Notify

VALUE_BYTES = 2
"""Float16: what is stored is change since the first frame, so 11 bits are 11 bits of motion."""


@dataclass(frozen=True)
class Storage:
    """What a whole-clip operator may use.

    Attributes:
        memory_budget: bytes of RAM for the stored clip and the filtering together.
        folder: where the temporary file goes; on many systems the default is itself RAM.
        frames: how many frames the clip will have, if known: the disk is then checked, and its
            need announced, at the first frame.
        announce: is told, once and in one line, that the disk is used, and how much of it.
    """

    memory_budget: int
    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    frames: int | None = None
    announce: Notify = lambda _: None

    @property
    def working_bytes(self) -> int:
        """The share of the budget in which blocks are filtered."""
        return min(self.memory_budget // 4, 512 * 2**20)


class Spool:
    """A matrix (frames, values) of float16 that grows by frames and is then read either way.

    The file has no name from the start (where the system allows it), so nothing of it is left
    behind however the program ends.
    """

    def __init__(self, values: int, storage: Storage) -> None:
        self.values = values
        self.storage = storage
        self.in_ram: list[Tensor] = []
        self.ram_frames = 0
        self.file_frames = 0
        self._file: FileIO | None = None
        self._announced = False
        self._room = (storage.memory_budget - storage.working_bytes) // self._bytes(1)
        if storage.frames is not None and storage.frames > self._room:
            self._check_disk(storage.frames - self._room)

    def __len__(self) -> int:
        return self.ram_frames + self.file_frames

    def append(self, frames: Tensor) -> None:
        """Keep the next frames (T, values), float16 on the CPU; they are not copied.

        Raises:
            VideoError: the temporary file cannot be written (the disk is full).
        """
        fitting = max(0, min(len(frames), self._room - self.ram_frames))
        if fitting:
            self.in_ram.append(frames[:fitting])
            self.ram_frames += fitting
        if fitting < len(frames):
            with self._disk() as file:
                file.seek(0, os.SEEK_END)
                _write(file, frames[fitting:])
            self.file_frames += len(frames) - fitting

    def read(self, start: int, stop: int) -> Tensor:
        """Values start to stop of every frame, (frames, stop - start)."""
        block = torch.empty(len(self), stop - start, dtype=torch.float16)
        for stored, frames in self._beside_ram(block):
            frames.copy_(stored[:, start:stop])
        for index, frame in enumerate(block[self.ram_frames :]):
            with self._disk() as file:
                file.seek(self._bytes(index) + VALUE_BYTES * start)
                _read(file, frame)
        return block

    def write(self, start: int, block: Tensor) -> None:
        """Replace the values from `start` on of every frame by a block (frames, width)."""
        for stored, frames in self._beside_ram(block):
            stored[:, start : start + block.shape[1]] = frames
        for index, frame in enumerate(block[self.ram_frames :]):
            with self._disk() as file:
                file.seek(self._bytes(index) + VALUE_BYTES * start)
                _write(file, frame)

    def frames(self, count: int) -> Iterator[Tensor]:
        """All frames in order, at most `count` at a time: (T, values)."""
        for frames in self.in_ram:
            yield from torch.split(frames, count)
        for first in range(0, self.file_frames, count):
            chunk = torch.empty(
                min(count, self.file_frames - first), self.values, dtype=torch.float16
            )
            with self._disk() as file:
                file.seek(self._bytes(first))
                _read(file, chunk)
            yield chunk

    def close(self) -> None:
        """Give RAM and disk back."""
        self.in_ram.clear()
        if self._file is not None:
            self._file.close()

    def _beside_ram(self, block: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Each stored chunk with the rows of the block (frames, width) that belong to it."""
        first = 0
        for stored in self.in_ram:
            yield stored, block[first : first + len(stored)]
            first += len(stored)

    def _bytes(self, frames: int) -> int:
        return frames * self.values * VALUE_BYTES

    def _check_disk(self, frames: int) -> None:
        need, folder = self._bytes(frames), self.storage.folder
        free = shutil.disk_usage(folder).free
        if need > free:
            raise VideoError(
                f"filtering over the whole clip needs {_size(need)} of disk in {folder}, where "
                f"{_size(free)} are free; {_REMEDY}"
            )
        self._announce(_size(need))

    def _announce(self, need: str) -> None:
        self._announced = True
        text = (
            f"filtering over the whole clip: {need} go to a temporary file in {self.storage.folder}"
        )
        self.storage.announce(Message(text))

    @contextmanager
    def _disk(self) -> Iterator[FileIO]:
        """The temporary file, unbuffered, its errors told in our words."""
        folder = self.storage.folder
        try:
            if self._file is None:
                if not self._announced:
                    beyond = f"{_size(self._bytes(1))} for each frame after the {self._room}th"
                    self._announce(beyond)
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115, lives on
                weakref.finalize(self, self._file.close)
            yield self._file
        except OSError as error:
            self.close()
            raise VideoError(
                f"temporary file in {folder}: {error.strerror or error} after "
                f"{_size(self._bytes(self.file_frames))}; {_REMEDY}"
            ) from error


_REMEDY = (
    "free some space, choose another folder or a larger memory budget, or take a filter that "
    "streams (butterworth, or fir with a number of taps)"
)


def _write(file: FileIO, frames: Tensor) -> None:
    data = np.ascontiguousarray(frames.numpy()).view(np.uint8).data.cast("B")
    while data:
        data = data[file.write(data) :]


def _read(file: FileIO, frames: Tensor) -> None:
    data = frames.numpy().view(np.uint8).data.cast("B")
    while data:
        read = file.readinto(data)
        if not read:
            raise OSError("the file ended early")
        data = data[read:]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{math.ceil(count / 1e6)} MB"
