"""Everything that `magnify` raises on purpose.

MagnifyError
├── SettingsError     a value the caller chose cannot work (alpha, band, codec, device, name)
├── CheckpointError   a weight file cannot be read, trusted or recognised
└── VideoError        a video cannot be read or written
    ├── TruncatedInputError   the input ended early; what could be decoded was written
    └── PipeClosedError       nobody reads standard output any more

Each message is one line that says what is wrong, with which value or file, and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_LONGEST_MESSAGE = 1000


class MagnifyError(Exception):
    """Base of all errors that `magnify` raises on purpose."""


class SettingsError(MagnifyError):
    """A value the caller chose cannot work."""


class CheckpointError(MagnifyError):
    """A weight file cannot be read, trusted or recognised.

    Names and reasons in the message come from the file: whatever they hold, the message is one
    line of at most 1,000 printable characters.
    """

    def __init__(self, message: str) -> None:
        # Cut first: what is escaped may be megabytes long. An escape is longer than what it names.
        super().__init__(_shortened(printable(_shortened(message))))


class VideoError(MagnifyError):
    """A video cannot be read or written."""


class TruncatedInputError(VideoError):
    """The input ended early; every frame that could be decoded was processed and written.

    `report` is the `Report` of the output that was written nevertheless, once there is one.
    """

    report: Any = None


class PipeClosedError(VideoError):
    """Nobody reads standard output any more, which a video was being sent through."""


def printable(text: str) -> str:
    """The text with everything but printable characters escaped, as Python would write it.

    So no file can move the cursor, forge a line, or change the order of what is read. Text that
    is printable already stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _shortened(text: str) -> str:
    """The text without its middle if it is long; a message says where at its start, what last."""
    half = _LONGEST_MESSAGE // 2 - 1
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:half]}…{text[-half:]}"


def reason(error: BaseException) -> str:
    """What a library says is wrong, without the trace that may follow."""
    return str(error).partition("\n")[0] or type(error).__name__


_ALLOCATORS = (
    "can't allocate memory",
    "cannot allocate memory",
    "could not create a primitive",
    "could not create a memory object",
    "failed to map segment from shared object",
    "can't start new thread",
    "out of memory",
    "std::bad_alloc",
    "ALLOC_FAILED",
)
"""How libraries say that memory ended where they raise no MemoryError."""


def out_of_memory(error: BaseException) -> MagnifyError | None:
    """Gives the error to raise instead of one that says that memory ended, or None of another.

    It knows Python's and NumPy's MemoryError, and what the system, PyTorch, oneDNN, CUDA and MPS
    raise.
    """
    said = [
        line.strip()
        for line in str(error).splitlines()
        if any(allocator in line for allocator in _ALLOCATORS)
    ]
    by_words = isinstance(error, RuntimeError | OSError | ImportError) and said
    # Of FFmpeg: the system gave it no thread. Python's own says that a stream is not ready.
    threadless = isinstance(error, BlockingIOError) and type(error) is not BlockingIOError
    ended = isinstance(error, MemoryError) or by_words or threadless
    if isinstance(error, MagnifyError) or not ended:
        return None
    cause = f" ({said[0][:120]})" if said else ""
    return MagnifyError(
        f"memory ran out{cause}; use a smaller picture, a part of the clip (--start, --end), or "
        "free some memory"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Gives " Did you mean 'x'?" for the known word most like a misspelt one, or ""."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_lower, n=1)
    return f" Did you mean '{by_lower[close[0]]}'?" if close else ""
