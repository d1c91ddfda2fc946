"""Sweeps over one quantity at a time, as the papers' figures have them, for several methods.

Each row is a method at one value, the mean over some drawn scenes. Rows are kept in a file as they
come, so that a sweep that was ended goes on.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from magnify.errors import SettingsError
from magnify.interruption import check
from magnify.lab.evaluation.degradation import Degradation
from magnify.lab.evaluation.fidelity import Fidelity, compare, mean
from magnify.lab.evaluation.known_scenes import KnownScene
from magnify.lab.evaluation.lpips import Lpips
from magnify.lab.evaluation.methods import Method
from magnify.lab.synthesis import Mover, Photographs


@dataclass(frozen=True)
class Condition:
    """One value of a sweep: the factor, the longest magnified motion in px, noise in grey levels.

    `value` is what the sweep goes over.
    """

    value: float
    alpha: float
    peak: float
    noise: float = 0.0


@dataclass(frozen=True)
class Sweep:
    """A figure: what goes along its axis, where it is from, and its conditions."""

    axis: str
    source: str
    conditions: tuple[Condition, ...]


SHOWN = 10.0
"""Pixels of magnified motion in most of LBVMM's sweeps."""

SWING = 2.0
"""Pixels that objects swing by in FD4MM's test videos, which are of 640x640."""

SWEEPS: Mapping[str, Sweep] = {
    "sub-pixel": Sweep(
        "input motion (px), magnified to 10 px",
        "LBVMM, figure 8 (a)",
        tuple(
            Condition(motion, SHOWN / motion, SHOWN)
            for motion in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
        ),
    ),
    "noise-small": Sweep(
        "noise (grey levels), motion of 0.05 px magnified to 10 px",
        "LBVMM, figure 8 (b)",
        tuple(Condition(noise, 200.0, SHOWN, noise) for noise in (0.5, 1, 2, 4, 8, 16)),
    ),
    "noise-large": Sweep(
        "noise (grey levels), motion of 5 px magnified to 10 px",
        "LBVMM, figure 8 (c)",
        tuple(Condition(noise, 2.0, SHOWN, noise) for noise in (0.5, 1, 2, 4, 8, 16)),
    ),
    "factor": Sweep(
        "factor, at a magnified motion of 10 px",
        "LBVMM, supplement A.5",
        tuple(
            Condition(alpha, alpha, SHOWN) for alpha in (2.0, 5, 10, 20, 50, 100, 200, 500, 1000)
        ),
    ),
    "magnified": Sweep(
        "magnified motion (px), at a factor of 10",
        "LBVMM, supplement A.5",
        tuple(Condition(peak, 10.0, peak) for peak in (1.0, 2, 5, 10, 15, 20, 25, 30)),
    ),
    "fd4mm-factor": Sweep(
        "factor, of a motion of 2 px",
        "FD4MM, figure 5",
        tuple(Condition(alpha, alpha, SWING * alpha) for alpha in (5.0, 10, 20, 50, 100)),
    ),
    "fd4mm-noise": Sweep(
        "noise (share of the range), motion of 2 px at a factor of 10",
        "FD4MM, figure 5",
        tuple(Condition(noise, 10.0, SWING * 10, 255 * noise) for noise in (0.01, 0.05, 0.1, 0.2)),
    ),
}


@dataclass(frozen=True)
class Row:
    """What was measured of a method at one value of a sweep."""

    sweep: str
    method: str
    value: float
    score: Fidelity
    made_by: str = ""
    """What tells the method from others of the same name: its weights and their precision."""

    def plain(self) -> dict[str, Any]:
        return {
            "sweep": self.sweep,
            "method": self.method,
            "value": self.value,
            "made_by": self.made_by,
            **asdict(self.score),
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Row":
        """What `plain` gave."""
        sweep, method, value = (plain.pop(name) for name in ("sweep", "method", "value"))
        made_by = plain.pop("made_by", "")
        return cls(sweep, method, value, Fidelity(**plain), made_by)


@dataclass(frozen=True)
class SweepSettings:
    """How large and how many the drawn scenes are, and what they are drawn from.

    `data` names the folder; `lpips` says whether the perceptual distance is measured, too.

    Raises:
        SettingsError: there would be none, or the number of frames is not odd.
    """

    size: int = 256
    scenes: int = 3
    frames: int = 3
    data: str = ""
    lpips: bool = False

    def __post_init__(self) -> None:
        if self.scenes < 1 or self.size < 64:
            raise SettingsError("a sweep needs a scene or more, of 64 pixels or more")
        if self.frames < 3 or self.frames % 2 == 0:
            raise SettingsError(f"frames must be an odd number of 3 or more, not {self.frames}")


def swept(
    names: Sequence[str],
    methods: Mapping[str, Method],
    photographs: Photographs,
    settings: SweepSettings,
    file: Path,
    lpips: Lpips | None = None,
    made_by: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Measures all methods over sweeps; rows that `file` has are not measured again.

    Args:
        names: of `SWEEPS`.
        file: gets a line of JSON for each row, behind one that says how they are made.
        made_by: of each method, what tells it from others of its name; rows of others are
            measured anew.

    Raises:
        SettingsError: the file's rows were made with other settings.
    """
    made_by = made_by or {}
    rows = [
        row for row in _kept(file, settings) if row.made_by == made_by.get(row.method, row.made_by)
    ]
    done = {(row.sweep, row.method, row.value) for row in rows}
    wanted = [(name, condition) for name in names for condition in SWEEPS[name].conditions]
    total = len(wanted) * len(methods)
    count = sum((name, m, condition.value) in done for name, condition in wanted for m in methods)
    lines = [json.dumps(asdict(settings)), *(json.dumps(row.plain()) for row in rows)]
    part = file.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(file)  # without a last line that was torn
    with file.open("a", encoding="utf-8") as kept:
        for name, condition in wanted:
            missing = [m for m in methods if (name, m, condition.value) not in done]
            scenes = list(_scenes(photographs, settings, condition)) if missing else []
            for method in missing:
                check()
                score = _scored(methods[method], condition, scenes, lpips)
                row = Row(name, method, condition.value, score, made_by.get(method, ""))
                rows.append(row)
                print(json.dumps(row.plain()), file=kept, flush=True)
                count += 1
                progress(count, total)
    order = list(methods)
    chosen = [row for row in rows if row.sweep in names and row.method in order]
    return sorted(
        chosen, key=lambda row: (names.index(row.sweep), order.index(row.method), row.value)
    )


def _scenes(
    photographs: Photographs, settings: SweepSettings, condition: Condition
) -> Iterator[KnownScene]:
    for number in range(settings.scenes):
        yield KnownScene(
            photographs, Mover.OBJECT, settings.size, number, condition.peak, settings.frames
        )


def _scored(
    method: Method, condition: Condition, scenes: Sequence[KnownScene], lpips: Lpips | None
) -> Fidelity:
    degradation = Degradation(noise=condition.noise)
    return mean(
        [compare(method, scene.video(condition.alpha, degradation), lpips) for scene in scenes]
    )


def _kept(file: Path, settings: SweepSettings) -> list[Row]:
    """The rows of an earlier run; a torn last line is left out."""
    if not file.exists():
        return []
    first, *lines = file.read_text(encoding="utf-8").splitlines() or ["{}"]
    try:
        made = json.loads(first)
    except ValueError as error:
        raise SettingsError(f"{file}: is no file of rows; choose another folder") from error
    if made not in ({}, asdict(settings)):
        raise SettingsError(
            f"{file}: was made with other settings ({first}); choose another folder"
        )
    rows = []
    for line in lines:
        try:
            rows.append(Row.of(json.loads(line)))
        except (ValueError, TypeError, KeyError):  # torn
            continue
    return rows
