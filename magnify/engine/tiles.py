"""Large frames in tiles, equal to the whole frame: for networks that see only so far.

A tile is a band of rows over the frame's full width. It is computed with as many more rows on
either side as the network sees, and these are dropped; where the frame ends, so does the tile, and
the network pads it as it would pad the frame.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def tiles(height: int, rows: int, context: int) -> Iterator[tuple[slice, slice]]:
    """Windows of a frame's rows, and which rows of the frame each is computed for.

    `rows`, `context` and `height` are multiples of the network's stride; so are all bounds.
    """
    for start in range(0, height, rows):
        end = min(start + rows, height)
        yield slice(max(0, start - context), min(height, end + context)), slice(start, end)


def in_tiles(
    function: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    height: int,
    rows: int,
    context: int,
) -> tuple[Tensor, ...]:
    """`function` of whole frames, computed tile by tile.

    Its inputs and outputs are (T, C, h, w) with h a fraction of the frame's `height`, each of its
    own. `context`: how many rows of the frame, on either side, an output depends on.
    """
    whole: list[Tensor] = []
    for window, kept in tiles(height, rows, context):
        outputs = function(*(_rows(tensor, window, height) for tensor in inputs))
        size = window.stop - window.start
        if not whole:
            whole = [_empty(output, height, size) for output in outputs]
        inside = slice(kept.start - window.start, kept.stop - window.start)
        for target, output in zip(whole, outputs, strict=True):
            _rows(target, kept, height).copy_(_rows(output, inside, size))
    return tuple(whole)


def _rows(tensor: Tensor, rows: slice, height: int) -> Tensor:
    """The rows of (T, C, h, w) that lie at these rows of a frame of `height`."""
    scale = height // tensor.shape[2]
    return tensor[:, :, rows.start // scale : rows.stop // scale]


def _empty(output: Tensor, height: int, size: int) -> Tensor:
    """For the whole frame, what `output` is for `size` rows of it."""
    batch, channels, rows, width = output.shape
    return torch.empty(
        (batch, channels, rows * height // size, width),
        dtype=output.dtype,
        device=output.device,
        memory_format=torch.channels_last,
    )
