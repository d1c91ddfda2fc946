"""Which outputs of a folder are done, and by which job: a hidden file of JSON lines beside them.

A line is added when a job begins, and one when it is done or has failed. So a command that is
typed again knows its own outputs, whatever happened in between, and never takes others for them.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from magnify.errors import VideoError

LEDGER = ".magnify.jsonl"

State = Literal["begun", "done", "failed"]


@dataclass(frozen=True)
class Entry:
    """What is known of one output.

    Attributes:
        output: its name in the folder.
        input: what it was made from.
        state: how far it is.
        facts: the job's fingerprint.
        free: no other output had the name when the job began.
        stamp: tells whether the output is still the one that was written; None until it is.
        frames, seconds: how many were written, and how long it took.
        error: why it failed.
    """

    output: str
    input: str
    state: State
    facts: dict[str, Any]
    free: bool = True
    stamp: list[int] | None = None
    frames: int | None = None
    seconds: float | None = None
    error: str | None = None


class Ledger:
    """The ledger of one folder, read once; lines are added to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = _read(folder)  # as they are: of ten thousand outputs, objects fill memory

    @property
    def entries(self) -> dict[str, Entry]:
        """The last line of each output."""
        return {name: Entry(**json.loads(line)) for name, line in self._lines.items()}

    def own(self, output: Path) -> Entry | None:
        """What is known of an output that exists and is this program's own; else None."""
        line = self._lines.get(output.name)
        if line is None or not output.exists():
            return None
        entry = Entry(**json.loads(line))
        if entry.state == "done":
            return entry if entry.stamp == stamp(output) else None
        # It was ended between the moment in which the output got its name, and this line.
        return entry if entry.state == "begun" and entry.free else None

    def add(self, entry: Entry) -> None:
        """Adds a line, which is safe on the disk afterwards.

        Raises:
            VideoError: it cannot be written.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        self._lines[entry.output] = line
        path = self.folder / LEDGER
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                if _is_torn(descriptor):
                    line = b"\n" + line
                os.write(descriptor, line)  # in one go: other runs may add theirs
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise VideoError(f"{path}: cannot be written: {error.strerror}") from error


def stamp(output: Path) -> list[int]:
    """Size and time of a file; of a folder, how many files it has and the latest time."""
    if not output.is_dir():
        about = output.stat()
        return [about.st_size, about.st_mtime_ns]
    times = [path.stat().st_mtime_ns for path in output.iterdir()]
    return [len(times), max(times, default=0)]


def _is_torn(descriptor: int) -> bool:
    """Whether the last line has no end, as where a disk was full."""
    if os.fstat(descriptor).st_size == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"


def _read(folder: Path) -> dict[str, bytes]:
    """The last line of each output, by its name."""
    lines = {}
    with suppress(OSError):
        for line in (folder / LEDGER).read_bytes().splitlines():
            with suppress(ValueError, TypeError):  # torn by a power cut
                lines[Entry(**json.loads(line)).output] = line
    return lines
