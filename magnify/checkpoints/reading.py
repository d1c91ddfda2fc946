"""Files read into memory, if they are files and not too large."""

import stat
from pathlib import Path
from typing import BinaryIO

from magnify.errors import CheckpointError


def open_regular(path: Path, largest: int) -> BinaryIO:
    """Opens a regular file of at most `largest` bytes.

    Raises:
        CheckpointError: it is empty, too large, or no regular file: a pipe may block for ever, and
            a device may never end.
        OSError: it is not there, or cannot be opened.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError("not a regular file, but a folder, pipe, socket or device")
    if status.st_size == 0:  # as the system's own files say of themselves, which may block too
        raise CheckpointError("an empty file")
    if status.st_size > largest:
        raise CheckpointError(f"too large for weights of these networks: {status.st_size:,} bytes")
    return path.open("rb")


def read_whole(path: Path, largest: int) -> bytes:
    """The content of a regular file of at most `largest` bytes.

    Raises:
        CheckpointError, OSError: as `open_regular` does.
    """
    with open_regular(path, largest) as file:
        return file.read()
