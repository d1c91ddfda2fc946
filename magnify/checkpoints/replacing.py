"""Files that appear complete or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from magnify.errors import CheckpointError, reason


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to, which then takes its place; of a failure, nothing is
    left.

    Raises:
        CheckpointError: it cannot be written; what was at `path` stays.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.part{path.suffix}")
    try:
        # A file that is there, or a link that someone has put there, is never written to.
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield beside
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from error
    except RuntimeError as error:  # what PyTorch makes of it
        raise CheckpointError(
            f"{path}: cannot be written; is the disk full? ({reason(error)})"
        ) from error
