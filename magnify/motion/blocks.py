"""How far each block of a picture has moved since a reference picture.

Least squares on grey levels (Lucas and Kanade, 1981) in overlapping Hann windows, linearised at
the reference, with each block's gain and offset as nuisance parameters, so that light which
flickers is not taken for motion. Where a block has moved farther than the linear model reaches,
the picture is fetched from there by interpolation and fitted again (Gauss-Newton).

Displacements are in pixels, (right, down) positive, of what the block shows:
frame(p + d) = reference(p).
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import ndimage

from magnify.motion.grid import BlockGrid
from magnify.motion.luma import Levels
from magnify.motion.texture import Texture

SMOOTHING = 1.0
"""Standard deviation, in pixels, of the Gaussian that goes over every picture first."""
DERIVATIVE = np.array([-1, 9, -45, 0, 45, -9, 1], np.float32) / 60
"""Central difference over seven pixels; five would give 1 % too much motion."""
LINEAR_REACH = 0.3
"""Pixels up to which the linear fit is right within 1 %."""
REACH = 8.0
"""Farthest displacement, in pixels along each axis, that refining follows."""
TAPS = np.arange(-2, 4)
"""Pixels around a point from which its level is interpolated: of smooth pictures six are enough."""
MARGIN = int(REACH) + len(TAPS) // 2
PASSES = 3
CONVERGED = 0.01
"""A refining step shorter than this many pixels is the last."""
AT_ONCE = 256
"""Blocks that are refined together: what bounds the memory."""
RIDGE = 1e-6


class BlockMotion:
    """Measures the displacement of every block of `grid` since `reference` (H, W), in levels.

    Pictures that follow each other in time should be fed in that order: what moves far is looked
    for where it was last.
    """

    def __init__(self, reference: Levels, grid: BlockGrid) -> None:
        self.grid = grid
        self.reference = _smoothed(reference)
        right, down = (
            ndimage.correlate1d(self.reference, DERIVATIVE, axis, mode="nearest") for axis in (1, 0)
        )
        contrast = self.reference - self.reference.mean()
        self._design = [-right, -down, contrast, np.ones_like(contrast)]
        normal = np.empty((*grid.shape, 4, 4))
        for i, first in enumerate(self._design):
            for j, second in enumerate(self._design):
                normal[..., i, j] = grid.mean(first * second)
        ridge = RIDGE * np.trace(normal, axis1=-2, axis2=-1)
        self._inverse = np.linalg.inv(normal + ridge[..., None, None] * np.eye(4))
        # The tensor of what gain and offset cannot explain: the Schur complement.
        self.texture = Texture.of(np.linalg.inv(self._inverse[..., :2, :2]))
        self._last = np.zeros((*grid.shape, 2))

    def feed(self, picture: Levels) -> NDArray[np.float64]:
        """The displacements in the next picture, of the reference's size: (rows, columns, 2).

        Of each block they hold what its usable directions tell.
        """
        smooth = _smoothed(picture)
        change = smooth - self.reference
        right_side = np.stack([self.grid.mean(row * change) for row in self._design], -1)
        step, solution = self._solve(right_side, (...,))
        residual = self.grid.mean(change**2) - (right_side * solution).sum(-1)
        far = np.maximum(_longest(step), _longest(self._last)) > LINEAR_REACH
        far &= self.texture.usable.any(-1)
        if far.any():
            start = np.where((_longest(self._last) > LINEAR_REACH)[..., None], self._last, step)
            around = np.pad(smooth, MARGIN, mode="edge")
            blocks = np.argwhere(far)
            for some in np.array_split(blocks, -(-len(blocks) // AT_ONCE)):
                index = tuple(some.T)
                refined, left = self._refine(around, index, start[index])
                better = left < residual[index]
                step[index] = np.where(better[:, None], refined, step[index])
                residual[index] = np.where(better, left, residual[index])
        self._last = step.clip(-REACH, REACH)
        return step

    def _solve(
        self,
        right_side: NDArray[np.floating],
        index: tuple[Any, ...],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The usable part of the displacement, and all four parameters."""
        solution = np.einsum("...ij,...j->...i", self._inverse[index], right_side)
        gain = (1 + solution[..., 2:3]).clip(0.1)
        direction, usable = self.texture.direction[index], self.texture.usable[index]
        along = np.einsum("...ij,...i->...j", direction, solution[..., :2] / gain) * usable
        return np.einsum("...ij,...j->...i", direction, along), solution

    def _refine(
        self,
        around: Levels,
        index: tuple[NDArray[np.intp], ...],
        shift: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gauss-Newton from `shift` (N, 2) for the blocks at `index`; also the residuals."""
        block = self.grid.block
        tops, lefts = self.grid.tops[index[0]], self.grid.lefts[index[1]]
        weights = np.outer(self.grid.window, self.grid.window).ravel()
        cut = [sliding_window_view(p, (block, block))[tops, lefts] for p in self._design]
        design = np.stack([patch.reshape(len(tops), -1) for patch in cut], 1)
        target = sliding_window_view(self.reference, (block, block))[tops, lefts]
        for _ in range(PASSES):
            shift = shift.clip(-REACH, REACH)
            change = (_fetch(around, tops, lefts, shift, block) - target).reshape(len(tops), -1)
            right_side = (design @ (change * weights)[..., None])[..., 0]
            step, solution = self._solve(right_side, index)
            residual = (change**2) @ weights - (right_side * solution).sum(-1)
            shift = shift + step.clip(-1, 1)
            if _longest(step).max() < CONVERGED:
                break
        return shift, residual


def _smoothed(picture: Levels) -> Levels:
    smooth: Levels = ndimage.gaussian_filter(
        picture.astype(np.float32), SMOOTHING, mode="nearest", truncate=3.0
    )
    return smooth


def _longest(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    longest: NDArray[np.float64] = np.abs(vectors).max(-1)
    return longest


def _fetch(
    around: Levels,
    tops: NDArray[np.intp],
    lefts: NDArray[np.intp],
    shift: NDArray[np.float64],
    block: int,
) -> Levels:
    """Each block's pixels, moved by its own `shift`: (N, block, block)."""
    whole = np.floor(shift).astype(np.intp)
    right, down = _weights(shift - whole).transpose(1, 2, 0)
    patches = sliding_window_view(around, (block + len(TAPS) - 1,) * 2)[
        tops + whole[:, 1] + MARGIN + TAPS[0], lefts + whole[:, 0] + MARGIN + TAPS[0]
    ]
    rows = sum(down[k][:, None, None] * patches[:, k : k + block] for k in range(len(TAPS)))
    fetched: Levels = sum(
        right[k][:, None, None] * rows[:, :, k : k + block] for k in range(len(TAPS))
    )
    return fetched


def _weights(fraction: NDArray[np.float64]) -> Levels:
    """Of the pixels around a point `fraction` (N, 2) past one: Lagrange's, (N, 2, taps)."""
    weights = np.ones((*fraction.shape, len(TAPS)))
    for number, tap in enumerate(TAPS):
        for other in TAPS[tap != TAPS]:
            weights[..., number] *= (fraction - other) / (tap - other)
    return weights.astype(np.float32)
