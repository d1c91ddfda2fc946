"""Frames in strips of rows that stay, with what is computed from them, in a CPU's cache."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

STRIP_NUMBERS = 2**20
"""Numbers in a strip that stays, with what is computed from it, in a CPU's cache; measured."""

STRIP_ROWS = 16
"""Rows of a strip at least: its neighbours' rows are computed anew."""


def strips(x: Tensor, reach: int | None) -> Iterator[tuple[Tensor, slice]]:
    """Windows of rows of (T, C, h, w), and which rows of each to keep; these cover the frame once.

    A window has `reach` more rows on either side, as far as the frame goes, so that zero padding
    happens at the frame's border alone.
    """
    batch, channels, height, width = x.shape
    rows = max(STRIP_ROWS, STRIP_NUMBERS // (batch * channels * width))
    if reach is None or x.device.type != "cpu":
        rows, reach = height, 0
    for start in range(0, height, rows):
        above = max(0, start - reach)
        keep = min(rows, height - start)
        yield x[:, :, above : start + keep + reach], slice(start - above, start - above + keep)


def in_strips(
    function: Callable[[Tensor], tuple[Tensor, ...]], x: Tensor, reach: int
) -> tuple[Tensor, ...]:
    """`function` of the frame, computed strip by strip."""
    parts = [
        tuple(output[:, :, crop] for output in function(window))
        for window, crop in strips(x, reach)
    ]
    if len(parts) == 1:
        return parts[0]
    return tuple(torch.cat(outputs, dim=2) for outputs in zip(*parts, strict=True))
