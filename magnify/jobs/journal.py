"""What of a long output is done, in a hidden folder beside it, through kills and power cuts.

The folder holds the parts, what the next one has to know of those before, and a journal: a line of
JSON for how the output is made, and one for each part. A line is written once all that it names is
safe on the disk; so at any moment the journal is true, but perhaps for its last, torn line.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch

from magnify.errors import VideoError
from magnify.pipeline.ranges import REFERENCE, Boundary
from magnify.temporal.change import State
from magnify.video import Place
from magnify.video.parting import ClockState
from magnify.video.parts import LOCKS, try_lock
from magnify.video.segment import Segment

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Part:
    """One line of a journal: a part that is done.

    Attributes:
        file: its packets.
        bytes: how many that file has.
        frames: how many the part has.
        damage: what was damaged in the frames read for it, in words.
        next: where the next part begins; None after the last.
    """

    file: str
    bytes: int
    frames: int
    damage: str | None
    next: dict[str, Any] | None


class Journal:
    """The parts of one output that are done.

    Attributes:
        folder: where they wait.
        facts: how the output is made.
        parts: those that are done, in order.
    """

    def __init__(self, folder: Path, facts: dict[str, Any], file: BinaryIO) -> None:
        self.folder, self.facts, self._file = folder, facts, file
        self.parts: list[Part] = []

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """The journal in a folder, which is made where it is missing; no other run has it.

        Raises:
            VideoError: another run is at work there, or it cannot be written.
        """
        with _errors_named(folder):
            folder.mkdir(exist_ok=True)
            file = (folder / JOURNAL).open("a+b")
        with file:
            if LOCKS and not try_lock(file.fileno()):
                raise VideoError(f"{folder}: another run is at work on this output; wait for it")
            lines, facts, parts = read(folder)
            file.truncate(lines)  # a torn line would spoil those behind it
            journal = cls(folder, facts, file)
            journal.parts = parts
            yield journal

    @property
    def frames(self) -> int:
        """How many are done."""
        return sum(part.frames for part in self.parts)

    @property
    def complete(self) -> bool:
        """Whether only joining is left."""
        return bool(self.parts) and self.parts[-1].next is None

    @property
    def damage(self) -> str | None:
        """The first damage that was met, in words."""
        return next((part.damage for part in self.parts if part.damage), None)

    def begin(self, facts: dict[str, Any]) -> None:
        """Forgets everything and begins anew, with how the output is made from now on."""
        self.facts, self.parts = facts, []
        with _errors_named(self.folder):
            self._file.truncate(0)
            for path in self.folder.iterdir():
                if path.name != JOURNAL:
                    path.unlink()
        self._write(facts)

    def add(
        self, segment: Segment, clock: ClockState, after: Boundary | None, damage: str | None
    ) -> None:
        """Notes a part that is done, once it is safe on the disk.

        Raises:
            VideoError: it cannot be written; the parts before it stay.
        """
        name = f"{len(self.parts):06d}.npz"
        stored = segment.to_bytes()
        with _errors_named(self.folder):
            _write_safely(self.folder / name, stored)
            next_one = None if after is None else self._boundary(after, clock)
            part = Part(name, len(stored), segment.frames, damage, next_one)
        self._write(vars(part))
        self.parts.append(part)
        kept = None if next_one is None else next_one["state"]
        for old in self.folder.glob("*.state"):
            if old.name != kept:
                old.unlink(missing_ok=True)

    def next(self, device: torch.device) -> tuple[Boundary, ClockState]:
        """Where the next part begins, with its state on the device.

        Raises:
            VideoError: what the journal names is damaged.
        """
        found = self.parts[-1].next
        assert found is not None, "the last part has no next one"
        path = self.folder / found["state"]
        stored = path.read_bytes() if path.exists() else b""
        if _digest(stored) != path.stem:
            raise VideoError(f"{path}: is damaged; remove {self.folder}, and begin anew")
        state = torch.load(io.BytesIO(stored), weights_only=True)
        state = {
            name: tensor if name == REFERENCE else tensor.to(device)
            for name, tensor in state.items()
        }
        place = Place(*found["place"]) if found["place"] else None
        boundary = Boundary(found["number"], found["first"], place, state)
        return boundary, ClockState(Fraction(found["shift"]), found["earliest"])

    def segments(self) -> Iterator[Segment]:
        """The parts, in order.

        Raises:
            VideoError: one is damaged.
        """
        for part in self.parts:
            path = self.folder / part.file
            try:
                yield Segment.from_bytes(path.read_bytes())
            except (OSError, VideoError) as error:
                raise VideoError(f"{path}: {error}; remove {self.folder}") from error

    def remove(self) -> None:
        """Takes the folder away; the journal last, so that what is left is told from others."""
        for path in self.folder.iterdir():
            if path.name != JOURNAL:
                path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _boundary(self, after: Boundary, clock: ClockState) -> dict[str, Any]:
        stored = io.BytesIO()
        torch.save(_on_cpu(after.state), stored)
        name = f"{_digest(stored.getvalue())}.state"
        if not (self.folder / name).exists():
            _write_safely(self.folder / name, stored.getvalue())
        place = after.place and [after.place.number, after.place.pts]
        return {
            "number": after.number,
            "first": after.first,
            "place": place,
            "state": name,
            "shift": str(clock.shift),
            "earliest": clock.earliest,
        }

    def _write(self, line: dict[str, Any]) -> None:
        with _errors_named(self.folder):
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def read(folder: Path) -> tuple[int, dict[str, Any], list[Part]]:
    """A journal as far as it is true: its bytes, how the output is made, and its parts."""
    length, facts = 0, {}
    parts: list[Part] = []
    with suppress(OSError, ValueError, TypeError):  # up to where it breaks off
        for line in (folder / JOURNAL).read_bytes().splitlines(keepends=True):
            found = json.loads(line)
            if not line.endswith(b"\n"):
                break
            if length:
                part = Part(**found)
                if (folder / part.file).stat().st_size != part.bytes:
                    break
                parts.append(part)
            else:
                facts = found
            length += len(line)
    return length, facts, parts


def _on_cpu(state: State) -> State:
    return {name: tensor.cpu().contiguous() for name, tensor in state.items()}


def _digest(stored: bytes) -> str:
    return hashlib.sha256(stored).hexdigest()[:32]


def _write_safely(path: Path, content: bytes) -> None:
    """A file that is there as a whole or not at all, whatever happens."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _errors_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VideoError(f"{folder}: cannot be written: {error.strerror or error}") from error
