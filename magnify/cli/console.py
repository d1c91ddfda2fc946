"""What the command says to people, all of it on stderr: errors, notices, progress."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

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

PLAIN_SECONDS = 10.0
"""How often a progress line is printed where no bar can be drawn."""


def console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def error_line(message: str) -> None:
    print(f"magnify: error: {message}", file=sys.stderr)


def notice_line(message: str) -> None:
    print(f"magnify: {message}", file=sys.stderr)


def system_error(error: OSError) -> str:
    """What the system says, in one line."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


class Reporter(Protocol):
    """Called with the stage, frames (or what is counted) done, and in all if known."""

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
    """Shows how far something is: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        yield lambda stage, done, total: None
    elif not sys.stderr.isatty():
        yield _PlainProgress(name, unit)
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
        )
        with Progress(*columns, _Rate(unit), TimeRemainingColumn(), console=console()) as bar:
            task = bar.add_task(name, total=None)
            yield lambda stage, done, total: bar.update(
                task, description=f"{stage} {name}", completed=done, total=total
            )


class _PlainProgress:
    def __init__(self, name: str, unit: str) -> None:
        self.name, self.unit = name, unit
        self.stage = ""
        self.began = self.printed = self.last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
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
