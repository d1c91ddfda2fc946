"""Quality of magnified real clips, whose truth nobody knows (FD4MM, table 1).

What can be said without a truth: how calm what stands still stays, how the whole picture flickers,
and how sharp it is beside the input. Learnt measures without a reference come from pyiqa, where it
is installed and has its weights.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.interruption import check
from magnify.lab.evaluation.quality import levels, temporal_deviation
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine
from magnify.video import Picture, VideoReader

STILL = 0.25
"""Share of the picture that is taken for still: what changes least in the input."""

LUMA = np.array([0.299, 0.587, 0.114])
COLUMNS = ("clip", "mode", "alpha")
"""That a table of settings must have."""

INSTALL = "pip install 'magnify-video[quality]'"


@dataclass(frozen=True)
class Setting:
    """How one clip is magnified; a line of a table of settings.

    `mode` is static, dynamic or bandpass; a band has `low`, `high`, and may have a `filter` and the
    `sampling_rate` of the camera.
    """

    clip: str
    mode: str
    alpha: float
    low: float | None = None
    high: float | None = None
    sampling_rate: float | None = None
    filter: str = "auto"

    @property
    def how(self) -> Mode:
        if self.mode == "bandpass":
            return Bandpass(
                self.low,
                self.high,
                sampling_rate=self.sampling_rate,
                filter=self.filter,  # type: ignore[arg-type]  # which it checks
            )
        modes: dict[str, Mode] = {"static": Static(), "dynamic": Dynamic()}
        if self.mode not in modes:
            raise SettingsError(
                f"{self.clip}: unknown mode '{self.mode}'; choose static, dynamic or bandpass"
            )
        return modes[self.mode]


@dataclass(frozen=True)
class ClipScore:
    """What was measured of one clip by one method.

    Attributes:
        still: temporal standard deviation of luma where the input changes least, in grey levels;
            `input_still`: the input's own.
        flicker: standard deviation over time of the whole picture's brightness, in grey levels.
        sharpness: mean gradient over the input's: 1 is as sharp.
        metric: of pyiqa, the mean over the frames; None without one.
    """

    still: float
    input_still: float
    flicker: float
    sharpness: float
    metric: float | None


def read_settings(table: Path) -> list[Setting]:
    """The lines of a table of settings, a CSV file.

    Raises:
        SettingsError: it cannot be read, or a line makes no sense.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{table}: cannot be read as a table of settings: {error}") from error
    if not rows or not set(COLUMNS) <= rows[0].keys():
        raise SettingsError(f"{table}: needs the columns {', '.join(COLUMNS)}, and a line or more")
    found = []
    for number, row in enumerate(rows, 2):
        try:
            numbers = {
                name: float(row[name])
                for name in ("alpha", "low", "high", "sampling_rate")
                if row.get(name)
            }
            setting = Setting(
                row["clip"], row["mode"], filter=row.get("filter") or "auto", **numbers
            )
            _ = setting.how
        except (ValueError, TypeError, SettingsError) as error:
            raise SettingsError(f"{table}, line {number}: {error}") from error
        found.append(setting)
    return found


def score_clips(
    settings: Sequence[Setting],
    folder: Path,
    engines: Mapping[str, Engine],
    frames: int,
    metric: Callable[[Picture], float] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[dict[str, Any]], dict[str, list[Picture]]]:
    """Magnifies the beginning of every clip by every method, and measures the results.

    Returns:
        Rows of plain data; and for each clip the middle frame: of the input, then of each method.

    Raises:
        VideoError: a clip cannot be read.
        SettingsError: a setting cannot work.
    """
    rows: list[dict[str, Any]] = []
    shown: dict[str, list[Picture]] = {}
    total = len(settings) * len(engines)
    for setting in settings:
        with VideoReader(folder / setting.clip) as reader:
            rate = float(reader.info.average_rate or 25)
            pictures = [frame.picture for frame in islice(reader, frames)]
        clip: Picture = np.stack(pictures)  # type: ignore[assignment]
        name = f"{setting.clip}, {setting.how.label}"
        shown[name] = [clip[len(clip) // 2]]
        for method, engine in engines.items():
            check()
            made = magnify_frames(
                clip, alpha=setting.alpha, mode=setting.how, weights=engine, fps=rate
            )
            shown[name].append(made[len(made) // 2])
            score = measured(clip, made, metric)
            rows.append(
                {
                    "clip": setting.clip,
                    "mode": setting.how.label,
                    "alpha": setting.alpha,
                    "method": method,
                    **vars(score),
                }
            )
            progress(len(rows), total)
    return rows, shown


def measured(
    clip: Picture, made: Picture, metric: Callable[[Picture], float] | None = None
) -> ClipScore:
    """Measures a magnified clip (T, H, W, 3) beside its input."""
    before, after = levels(clip), levels(made)
    luma_before, luma_after = before @ LUMA, after @ LUMA
    change = luma_before.std(axis=0)
    still = change <= np.quantile(change, STILL)
    return ClipScore(
        still=temporal_deviation(after, still).luma,
        input_still=temporal_deviation(before, still).luma,
        flicker=float(luma_after.mean(axis=(1, 2)).std()),
        sharpness=_sharpness(luma_after) / max(_sharpness(luma_before), 1e-9),
        metric=None if metric is None else metric(made),
    )


def _sharpness(luma: NDArray[np.floating]) -> float:
    down, right = np.gradient(luma, axis=(1, 2))
    return float(np.hypot(down, right).mean())


def quality_metric(name: str) -> Callable[[Picture], float]:
    """A measure of pyiqa that needs no reference, by its name there, such as maniqa.

    Raises:
        SettingsError: pyiqa is not installed, has no such measure, or lacks its weights.
    """
    try:
        import pyiqa
    except ImportError as error:
        raise SettingsError(f"--metric needs pyiqa: {INSTALL}") from error
    import torch

    try:
        model = pyiqa.create_metric(name)
    except Exception as error:  # whatever it and its downloads raise
        raise SettingsError(f"pyiqa cannot measure {name} here: {error}") from error

    def measure(pictures: Picture) -> float:
        frames = torch.from_numpy(levels(pictures) / 255).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            return float(np.mean([float(model(frame[None])) for frame in frames]))

    return measure
