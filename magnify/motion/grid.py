"""Blocks that a picture is divided into, each with a window that fades at its edges."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from magnify.errors import SettingsError
from magnify.motion.luma import Levels

LEAST_BLOCK = 8
BLOCK_SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256)
MOST_BLOCKS = 4096


@dataclass(frozen=True)
class BlockGrid:
    """Square Hann windows of `block` pixels, half overlapping, over a picture.

    Raises:
        SettingsError: the picture is smaller than a block, or the block than 8 pixels, or odd.
    """

    height: int
    width: int
    block: int

    def __post_init__(self) -> None:
        fits = LEAST_BLOCK <= self.block <= min(self.height, self.width)
        if not fits or self.block % 2:
            raise SettingsError(
                f"blocks of {self.block} pixels do not fit: it must be an even number, at least "
                f"{LEAST_BLOCK}, and they must lie inside {self.width}x{self.height}"
            )

    @classmethod
    def automatic(cls, height: int, width: int) -> "BlockGrid":
        """The smallest blocks from 16 pixels on that are no more than 4096."""
        for block in BLOCK_SIZES:
            grid = cls(height, width, min(block, height, width) // 2 * 2)
            if grid.shape[0] * grid.shape[1] <= MOST_BLOCKS:
                break
        return grid

    @property
    def step(self) -> int:
        return self.block // 2

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return len(self.tops), len(self.lefts)

    @cached_property
    def tops(self) -> NDArray[np.intp]:
        return _starts(self.height, self.block, self.step)

    @cached_property
    def lefts(self) -> NDArray[np.intp]:
        return _starts(self.width, self.block, self.step)

    @property
    def centres(self) -> NDArray[np.float64]:
        """(rows, columns, 2): right and down from the centre of the picture's first pixel."""
        half = (self.block - 1) / 2
        return np.stack(np.meshgrid(self.lefts + half, self.tops + half), -1)

    @cached_property
    def window(self) -> Levels:
        """Along one axis; its sum is 1."""
        offsets = np.arange(self.block) - (self.block - 1) / 2
        window = np.cos(np.pi * offsets / self.block) ** 2
        normal: Levels = (window / window.sum()).astype(np.float32)
        return normal

    def mean(self, picture: Levels) -> Levels:
        """Each block's weighted mean: (H, W) → (rows, columns)."""
        rows = _along_rows(picture, self.window, self.tops)
        return _along_rows(rows.T, self.window, self.lefts).T


def _along_rows(values: Levels, window: Levels, starts: NDArray[np.intp]) -> Levels:
    """Weighted sums of overlapping groups of rows: (H, W) → (groups, W).

    Half a window apart, so that each half group of rows is read once.
    """
    step = len(window) // 2
    used = values[starts[0] : starts[-1] + 2 * step]
    halves = used.reshape(len(starts) + 1, step, -1)
    sums: Levels = window[:step] @ halves[:-1] + window[step:] @ halves[1:]
    return sums


def _starts(length: int, block: int, step: int) -> NDArray[np.intp]:
    count = (length - block) // step + 1
    return (length - (count - 1) * step - block) // 2 + step * np.arange(count)
