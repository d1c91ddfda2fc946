"""Files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from magnify.errors import CheckpointError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which then takes its place; of a failure, nothing is left.

    Raises:
        CheckpointError: it cannot be written; what was at `path` stays.
    """
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from error
    except RuntimeError as error:  # what PyTorch makes of it
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: cannot be written; is the disk full? ({reason})") from error
