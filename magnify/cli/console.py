"""What the command prints: errors, notices and progress on stderr, results on stdout.

All of it passes here. What came from a file or a name cannot steer the terminal or forge a line,
and a stream that cannot be written costs the message, never the work.
"""

import errno
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from magnify.errors import printable
from magnify.interruption import check
from magnify.messages import Message

PLAIN_SECONDS = 10.0
"""How often a progress line is printed where no bar can be drawn."""

LONGEST_MESSAGE = 2000
"""Characters of a message; of a longer one, the middle is left out."""


def error_line(message: str) -> None:
    _say(f"magnify: error: {message}")


def notice_line(message: str) -> None:
    """Prints a message on stderr; a warning is marked as one."""
    warned = isinstance(message, Message) and message.severity == "warning"
    _say(f"magnify: {'warning: ' * warned}{message}")


def _say(message: str) -> None:
    line = printable(message)
    if len(line) > LONGEST_MESSAGE:
        line = f"{line[: LONGEST_MESSAGE // 2]} … {line[-LONGEST_MESSAGE // 2 :]}"
    if sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


def output_line(text: str = "") -> None:
    """Prints a line on stdout."""
    if sys.stdout is not None:
        print(printable(text), flush=True)


def json_line(facts: Any) -> None:
    """Prints JSON on one line of stdout."""
    if sys.stdout is not None:
        print(json.dumps(facts), flush=True)
    if isinstance(sys.stdout, GuardedStream) and sys.stdout.error is not None:
        sys.stdout.missed = True


class GuardedStream:
    """Standard output or error, which loses what it cannot write; the work goes on.

    Attributes:
        error: why something could not be written; from then on, nothing is.
        missed: whether somebody waits for what was lost. Who closes a pipe early, as `head` does,
            has what they wanted of a list, but not of a result in JSON.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | None = None
        self.missed = False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"text is written here, not {type(text).__name__}")
        if text:
            self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        return self.error is None and self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _attempt(self, step: Callable[[TextIO], object]) -> None:
        if self.error is not None:
            return
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, "it is closed")
            step(self._stream)
        except OSError as error:
            self.error = error
            self.missed = error.errno != errno.EPIPE


@contextmanager
def guarded_streams() -> Iterator[GuardedStream]:
    """Puts guards before both standard streams for as long as it lasts; gives that of stdout."""
    streams = sys.stdout, sys.stderr
    guards = [GuardedStream(stream) for stream in streams]
    sys.stdout, sys.stderr = cast(list[TextIO], guards)
    try:
        yield guards[0]
    finally:
        # What a failed stream still holds would fail again when the process ends.
        sys.stdout, sys.stderr = (
            stream if guard.error is None else cast(TextIO, None)
            for stream, guard in zip(streams, guards, strict=True)
        )


def system_error(error: OSError) -> str:
    """What the system says, in one line."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def duration(seconds: float) -> str:
    """A length of time in words, in the unit that suits it."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            number = seconds / length
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{seconds:.0f} s"


class Reporter(Protocol):
    """Called with the stage, frames (or what is counted) done, and in all if known.

    Raises:
        Interrupted: a signal is to end the command.
    """

    def __call__(self, stage: str, done: int, total: int | None, /) -> None: ...


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else _rate(task.speed, self.unit))


def _rate(speed: float, unit: str) -> str:
    return f"{speed:.1f} fps" if unit == "frames" else f"{speed:.1f} {unit}/s"


@contextmanager
def progress(name: str, *, quiet: bool, unit: str = "frames") -> Iterator[Reporter]:
    """Shows how far something is: a bar on a terminal, a line now and then elsewhere.

    Raises:
        Interrupted: a signal is to end the command; this work does not begin.
    """
    check()
    if quiet:
        yield lambda stage, done, total: check()
    elif sys.stderr is None or not sys.stderr.isatty():
        yield _PlainProgress(name, unit)
    else:
        with _bar(printable(name), unit) as report:
            yield report


@contextmanager
def _bar(name: str, unit: str) -> Iterator[Reporter]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(*columns, _Rate(unit), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(name, total=None)

        def report(stage: str, done: int, total: int | None, /) -> None:
            check()
            bar.update(task, description=f"{stage} {name}", completed=done, total=total)

        yield report


class _PlainProgress:
    def __init__(self, name: str, unit: str) -> None:
        self.name, self.unit = name, unit
        self.stage = ""
        self.began = self.printed = self.last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
        check()
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.began = stage, self.last
        self.last = now
        if now - self.printed < PLAIN_SECONDS and done != total:
            return
        self.printed = now
        of_total = "" if total is None else f"/{total}"
        rate = _rate(done / max(now - self.began, 1e-9), self.unit)
        notice_line(f"{stage} {self.name}: {done}{of_total} {self.unit}, {rate}")
