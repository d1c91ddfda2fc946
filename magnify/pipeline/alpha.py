"""Magnification factors: one for a whole clip, or one that changes over its time."""

import csv
import json
import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from magnify.errors import SettingsError

LARGEST_ALPHA = 10_000.0
"""Far beyond what any model can follow; not far from there, its numbers overflow."""


def check_alpha(alpha: float) -> None:
    """Checks a magnification factor.

    Raises:
        SettingsError: it is no number from 0 to 10,000.
    """
    if not 0 <= alpha <= LARGEST_ALPHA:
        raise SettingsError(f"alpha must be a number from 0 to {LARGEST_ALPHA:g}, not {alpha:g}")


@dataclass(frozen=True)
class AlphaCurve:
    """A factor that goes linearly from one key to the next, and stays before the first and last.

    Attributes:
        keys: seconds from the video's first frame, and the factor there; times increase.

    Raises:
        SettingsError: there is no key, times do not increase, or a factor cannot be.
    """

    keys: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        try:
            keys = tuple((float(seconds), float(alpha)) for seconds, alpha in self.keys)
        except (TypeError, ValueError) as error:
            raise SettingsError("a curve's keys are pairs of seconds and a factor") from error
        object.__setattr__(self, "keys", keys)
        times = [seconds for seconds, _ in keys]
        if not keys or not all(math.isfinite(seconds) for seconds in times):
            raise SettingsError("a curve needs a key: seconds and a factor, such as 0:1,2:20")
        if sorted(set(times)) != times:
            raise SettingsError("the times of a curve's keys must increase")
        for _, alpha in keys:
            check_alpha(alpha)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `SECONDS:FACTOR,…`, or a file: .csv with two columns, or .json with pairs.

        Raises:
            SettingsError: the text is neither, or the file cannot be read.
        """
        if Path(text).suffix.lower() in (".csv", ".json"):
            return cls(tuple(_read(Path(text))))
        try:
            pairs = [pair.rsplit(":", 1) for pair in text.split(",")]
            return cls(tuple((_seconds(time), float(alpha)) for time, alpha in pairs))
        except ValueError as error:
            raise SettingsError(
                f"'{text}' is no curve; write SECONDS:FACTOR,…, such as 0:1,2:20,4:1, or a file's "
                "name, .csv or .json"
            ) from error

    @property
    def largest(self) -> float:
        return max(alpha for _, alpha in self.keys)

    def at(self, seconds: float) -> float:
        """The factor at a time."""
        after = bisect_right(self.keys, (seconds, math.inf))
        if after == 0 or after == len(self.keys):
            return self.keys[min(after, len(self.keys) - 1)][1]
        (earlier, first), (later, second) = self.keys[after - 1 : after + 1]
        return first + (second - first) * (seconds - earlier) / (later - earlier)

    def __str__(self) -> str:
        return ",".join(f"{seconds:g}:{alpha:g}" for seconds, alpha in self.keys)


Factor: TypeAlias = float | AlphaCurve
"""What motion is magnified by."""


def _seconds(text: str) -> float:
    """Seconds, mm:ss or hh:mm:ss."""
    return sum(float(part) * 60.0**place for place, part in enumerate(reversed(text.split(":"))))


def _read(file: Path) -> list[tuple[float, float]]:
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix.lower() == ".json":
            return [(float(seconds), float(alpha)) for seconds, alpha in json.loads(text)]
        rows = [row for row in csv.reader(text.splitlines()) if row]
        if rows and not _is_number(rows[0][0]):  # the columns' names
            del rows[0]
        return [(float(row[0]), float(row[1])) for row in rows]
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read as a curve: {error.strerror}") from error
    except (ValueError, TypeError, IndexError) as error:
        raise SettingsError(
            f"{file}: is no curve; it needs seconds and a factor for each key"
        ) from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
