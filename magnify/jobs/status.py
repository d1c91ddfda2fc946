"""How far the outputs of a folder are, asked from outside of the runs that make them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from magnify.errors import SettingsError
from magnify.jobs.journal import JOURNAL, read
from magnify.jobs.ledger import LEDGER, Ledger
from magnify.video.parts import LOCKS, segments_folder, try_lock


@dataclass(frozen=True)
class Standing:
    """How far one output is.

    Attributes:
        output: the file or folder that it is, or will be.
        input: what it is made from.
        state: "done", "failed", "running", or "stopped"; "begun" where nothing tells whether a run
            is still at work, as for outputs that are not made in parts; "changed" if it is not the
            file any more that was written.
        frames: how many are done; None if unknown.
        error: why it failed, or what was damaged in the input.
    """

    output: Path
    input: str
    state: str
    frames: int | None
    error: str | None


def standings(folder: Path) -> Iterator[Standing]:
    """How far each output of a folder is, in the order in which they were begun.

    Raises:
        SettingsError: it is no folder, or no command that goes on after an end has worked there.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder}: is no folder")
    if not (folder / LEDGER).exists():
        raise SettingsError(
            f"{folder}: no outputs are known here; those of --resume and of several inputs are"
        )
    ledger = Ledger(folder)
    for name, entry in ledger.entries.items():
        output = folder / name
        state, frames = entry.state, entry.frames
        if state == "done" and ledger.own(output) is None:
            yield Standing(output, entry.input, "changed", None, None)
        elif state == "done":
            yield Standing(output, entry.input, state, frames, entry.error)
        else:
            parts = segments_folder(output)
            done = sum(part.frames for part in read(parts)[2]) if parts.exists() else None
            told = state if state == "failed" else _at_work(parts)
            yield Standing(output, entry.input, told, done, entry.error)


def _at_work(parts: Path) -> str:
    """Whether a run has the parts of an output open."""
    if not LOCKS or not (parts / JOURNAL).exists():
        return "begun"
    with (parts / JOURNAL).open("rb") as journal:
        return "stopped" if try_lock(journal.fileno()) else "running"
