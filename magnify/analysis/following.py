"""One pass over a clip: how every block moves, how bright each frame is, what was copied."""

from contextlib import AbstractContextManager, closing
from dataclasses import replace
from itertools import chain, islice, pairwise
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.recording import Instant, Progress, Recording
from magnify.analysis.series import MotionSeries, Values
from magnify.errors import SettingsError, VideoError
from magnify.motion.blocks import BlockMotion
from magnify.motion.common import common_motion
from magnify.motion.copies import CopiedBlocks, find_repetition
from magnify.motion.grid import LEAST_BLOCK, BlockGrid
from magnify.motion.luma import Levels
from magnify.motion.regions import Region
from magnify.video import Picture

LEAST_FRAMES = 32
LEAST_USABLE = 0.01
"""Share of blocks that need texture."""
PARTS = 4
LOOKED_AT = 6
STRAY = 3.0
"""A first frame that differs so many times more than the next ones do is no reference."""
DARK, BRIGHT = 5, 250
"""Grey levels at or beyond which the picture is clipped."""


class _Rows(AbstractContextManager["_Rows"]):
    """Rows of float32 in a temporary file, so that a long clip does not fill the memory."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed on leaving
        self.count = 0

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, row: NDArray[Any]) -> None:
        self._file.write(row.astype(np.float32).tobytes())
        self.count += 1

    def array(self, columns: int) -> NDArray[np.float32]:
        """All rows; they stay when the file is closed."""
        self._file.flush()
        return np.memmap(self._file, np.float32, "r", shape=(self.count, columns))


class _Pass:
    """What is measured frame by frame."""

    def __init__(
        self,
        recording: Recording,
        roi: Region,
        block: int | None,
        first: Levels,
        rows: _Rows,
    ) -> None:
        grid = (
            BlockGrid.automatic(roi.height, roi.width)
            if block is None
            else BlockGrid(roi.height, roi.width, block)
        )
        self.grid = grid
        self.motion = BlockMotion(first, grid)
        self.usable = self.motion.texture.usable
        if self.usable.any(-1).mean() < LEAST_USABLE:
            raise VideoError(
                f"{recording.path}: there is nothing to follow; it needs light, focus and texture"
            )
        self.copies = CopiedBlocks(first, recording.level_step)
        self.rows = rows
        self.last = first
        self.last_along = np.zeros(self.usable.sum())
        self.parts: list[list[float]] = []
        self.facts: list[tuple[float, ...]] = []

    def feed(self, seconds: float, levels: Levels) -> None:
        moved, direction = self.motion.feed(levels), self.motion.texture.direction
        along = np.einsum("...ij,...i->...j", direction, moved)[self.usable]
        self.rows.append(along)
        self.parts.append(means_of_parts(levels))
        self.facts.append(
            (
                seconds,
                float(levels.mean()),
                self.copies.feed(levels),
                float(np.abs(levels - self.last).mean()),
                float(np.abs(along - self.last_along).mean()),
                float(((levels <= DARK) | (levels >= BRIGHT)).mean()),
            )
        )
        self.last, self.last_along = levels, along


def means_of_parts(levels: Levels) -> list[float]:
    """Mean grey levels of 4x4 parts of a picture."""
    rows = np.array_split(levels, PARTS, axis=0)
    return [float(part.mean()) for row in rows for part in np.array_split(row, PARTS, axis=1)]


def read_motion(
    recording: Recording,
    *,
    roi: Region | None = None,
    block: int | None = None,
    progress: Progress | None = None,
) -> MotionSeries:
    """Measures every block of every frame against the first.

    Args:
        roi: leave out what is outside.
        block: side of the blocks in pixels; by default the smallest from 16 on that are at most
            4096.

    Raises:
        SettingsError: the region or the blocks do not fit, or there are fewer than 32 frames.
        VideoError: the clip cannot be read, or has no texture.
    """
    roi = roi or Region(0, 0, recording.width, recording.height)
    recording.check(roi, LEAST_BLOCK)
    rows, columns = slice(roi.y, roi.y + roi.height), slice(roi.x, roi.x + roi.width)
    with closing(recording.instants()) as instants, _Rows() as stored:
        begun = list(islice(instants, LOOKED_AT))
        reference = _reference(begun)
        one_pass = _Pass(recording, roi, block, reference.levels[rows, columns], stored)
        for number, instant in enumerate(chain(begun, instants), 1):
            one_pass.feed(instant.seconds, instant.levels[rows, columns])
            if progress is not None:
                progress("following", number, recording.clip.count)
        return _series(recording, one_pass, roi, reference.picture)


def _reference(begun: list[Instant]) -> Instant:
    """The first frame, or the second where the first is another picture, as after a cut."""
    changes = [float(np.abs(b.levels - a.levels).mean()) for a, b in pairwise(begun)]
    strays = len(changes) > 1 and changes[0] > STRAY * max(changes[1:])
    return begun[1 if strays else 0]


def _series(recording: Recording, one_pass: _Pass, roi: Region, picture: Picture) -> MotionSeries:
    facts = np.array(one_pass.facts).T
    if len(facts[0]) < LEAST_FRAMES:
        raise SettingsError(
            f"{recording.path}: {len(facts[0])} frames are too few for a spectrum; "
            f"it needs {LEAST_FRAMES}"
        )
    texture, usable = one_pass.motion.texture, one_pass.usable
    times, jitter = recording.clock(facts[0])
    direction = texture.direction.swapaxes(-1, -2)[usable]
    along = one_pass.rows.array(int(usable.sum()))
    series = MotionSeries(
        along=along,
        direction=direction,
        energy=texture.energy[usable],
        block=np.argwhere(usable.reshape(-1, 2))[:, 0],
        centres=one_pass.grid.centres.reshape(-1, 2) + np.array([roi.x, roi.y]),
        grid=one_pass.grid,
        times=times,
        common=common_motion(along, direction),
        brightness=facts[1],
        copied=facts[2],
        difference=facts[3],
        travel=facts[4],
        light=common_light(np.array(one_pass.parts)),
        clipped=facts[5],
        rate=recording.rate,
        jitter=jitter,
        repetition=None,
        stored=len(times),
        picture=picture,
    )
    return _without_repeats(series)


def common_light(parts: Values) -> Values:
    """What parts of the picture share over time, (T, parts) → (T,), relative to their means.

    Something that moves changes only some of them.
    """
    common: Values = np.median(parts / parts.mean(axis=0).clip(1), axis=1)
    return common


def _without_repeats(series: MotionSeries) -> MotionSeries:
    """Each picture once, evenly spaced, where a pattern of repeated frames is found."""
    brightness = np.abs(np.diff(series.brightness, prepend=series.brightness[0]))
    repetition = find_repetition(brightness, series.travel, series.difference)
    if repetition is None:
        return series
    kept = repetition.originals(len(series.times))
    rate = series.rate * (1 - len(repetition.repeats) / repetition.period)
    return replace(
        series,
        along=series.along[kept],
        times=np.arange(len(kept)) / rate,
        common=series.common[kept],
        brightness=series.brightness[kept],
        light=series.light[kept],
        rate=rate,
        repetition=repetition,
    )
