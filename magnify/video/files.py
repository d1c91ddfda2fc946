"""Input files: regular ones on this machine, and whether they stay what they were found to be."""

import re
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from magnify.errors import VideoError
from magnify.video.pipes import STANDARD

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True)
class FileState:
    """Which file a name stands for, and what tells that its content was changed.

    Attributes:
        identity: device and inode.
        content: size in bytes, and when it was last written, in nanoseconds.
    """

    identity: tuple[int, int]
    content: tuple[int, int]


def file_state(path: Path) -> FileState:
    """Look at an input file without opening it: opening a pipe would wait for its writer.

    Standard input is always the same.

    Raises:
        VideoError: there is no such file, it is no regular one, or it may not be looked at.
    """
    if path == STANDARD:
        return FileState((0, 0), (0, 0))
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise _unreachable(path, error) from error
    if not S_ISREG(found.st_mode):
        raise VideoError(
            f"{path}: is no file; save it to one, or send it through standard input, named -"
        )
    return FileState((found.st_dev, found.st_ino), (found.st_size, found.st_mtime_ns))


def is_regular(path: Path) -> bool:
    """Whether a file can be read without waiting for anybody."""
    try:
        return S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """Whether a name stands for anything; one that is too long does not."""
    try:
        return path.exists()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name; a name that is too long is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def change(path: Path, before: FileState) -> str | None:
    """What happened to a file since it was looked at, in words; None if nothing did."""
    try:
        now = file_state(path)
    except VideoError:
        return "it was moved or deleted while it was read"
    if now.identity != before.identity:
        return "it was replaced by another file while it was read"
    if now.content != before.content:
        return "it was changed while it was read"
    return None


def check_unreplaced(path: Path, before: FileState) -> None:
    """VideoError if a name stands for another file than it did; growing is allowed."""
    if file_state(path).identity != before.identity:
        raise VideoError(f"{path}: was replaced by another file while it was read; start again")


def _unreachable(path: Path, error: OSError | ValueError) -> VideoError:
    if _ADDRESS.match(str(path)):
        return VideoError(
            f"{path}: is an address, not a file on this machine; save the video to a file first, "
            "for instance with: ffmpeg -i ADDRESS -c copy FILE.mkv"
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return VideoError(f"{path}: no such file")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return VideoError(f"{path}: cannot be read ({reason})")
