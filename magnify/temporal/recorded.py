"""Motion that was found before, read from a file: of filters that need the whole clip first."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from magnify.errors import VideoError
from magnify.temporal.change import State
from magnify.temporal.operators import Operator

POSITION = "frames before"


class Recorded(Operator):
    """Gives the motion of one frame after the other from a file that `record` has written."""

    def __init__(self, path: Path) -> None:
        try:
            self._motion = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise VideoError(f"{path}: is damaged; remove its folder, and begin anew") from error
        self._position = 0

    def feed(self, shape: Tensor) -> Tensor:
        rows = slice(self._position, self._position + len(shape))
        self._position += len(shape)
        motion = torch.from_numpy(np.array(self._motion[rows]))
        return motion.to(shape)

    def state(self) -> State:
        return {POSITION: torch.tensor(self._position)}

    def restore(self, state: State) -> None:
        if POSITION in state:
            self._position = int(state[POSITION])


def record(motions: Iterator[Tensor], path: Path, frames: int, *, half: bool) -> None:
    """Writes the motion of so many frames, given in chunks (T, C, h, w), as float16 or float32.

    Raises:
        OSError: it cannot be written.
    """
    kind = np.dtype(np.float16 if half else np.float32)
    stored: np.memmap[tuple[int, ...], np.dtype[np.floating]] | None = None
    done = 0
    for motion in motions:
        rows = motion.cpu().float().numpy()
        if stored is None and len(rows):
            stored = np.lib.format.open_memmap(
                path, "w+", dtype=kind, shape=(frames, *rows.shape[1:])
            )
        if stored is not None:
            stored[done : done + len(rows)] = rows
            done += len(rows)
    assert stored is not None, "a clip has frames"
    stored.flush()
