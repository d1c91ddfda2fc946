"""Moving pictures back to where the first of them was, by what stands still in them.

The whole picture is moved, turned and zoomed as a hand moves a camera; what moves otherwise, such
as the subject, counts less the less it agrees (Gauss-Newton least squares on grey levels, with
Tukey's weights). A region that is small beside the picture tells no angle, so it only moves it.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.motion.luma import Levels, luma
from magnify.motion.registration import (
    CONVERGED,
    ITERATIONS,
    LEAST_LIKENESS,
    LOST,
    REACH,
    Template,
    TextureError,
)
from magnify.video import Picture

Mask: TypeAlias = NDArray[np.bool_]
Pose: TypeAlias = NDArray[np.float64]
"""(4,): pixels down and right, zoom less 1, and the angle in radians, about the middle."""

WIDEST = 320
"""Pixels of the picture in which a whole picture's motion is looked for."""

FIRST_WIDEST = 128
"""The same where it is refined afterwards."""

CELL = 16
"""Sides of the squares whose strongest pixels stand for them."""

STRONGEST = 8
"""Pixels of each that do."""

TUKEY = 4.685
"""Residuals, in standard deviations, from which on a pixel does not count (Tukey's biweight)."""

DEVIATION = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


class WholeShift:
    """Tells how far pictures as a whole lie off one of them, on copies of `widest` pixels.

    Raises:
        TextureError: that has no texture that fixes its motion.
    """

    def __init__(self, first: Levels, widest: int = WIDEST) -> None:
        self.shrink = min(1.0, widest / max(first.shape))
        small = self._small(first)
        self._template = Template(small, np.ones(small.shape, bool))

    def __call__(self, levels: Levels) -> tuple[float, float]:
        """Pixels to the right and down, to about a tenth of one.

        Raises:
            TextureError: the pictures look too little alike.
        """
        small = self._small(levels)
        moved = self._template.refine(small, self._template.search(small, REACH))
        return moved.dx / self.shrink, moved.dy / self.shrink

    def _small(self, levels: Levels) -> NDArray[np.float64]:
        if self.shrink < 1.0:
            smooth = ndimage.gaussian_filter(levels, 0.5 / self.shrink)
            levels = ndimage.zoom(smooth, self.shrink, order=1, grid_mode=True, mode="nearest")
        return levels.astype(float)


class Steadier:
    """Moves pictures so that they lie as the first does.

    Args:
        first: that picture, RGB as stored.
        still: (H, W), the region that stands still, which then moves the picture without turning
            it; None: the whole picture.

    Raises:
        TextureError: what should stand still has no texture that fixes its motion.
    """

    def __init__(self, first: Picture, still: Mask | None = None) -> None:
        levels = luma(first)
        self._region = None if still is None else Template(levels.astype(float), still)
        if still is None:
            self._whole = WholeShift(levels, FIRST_WIDEST)
            self._grid = _Grid(levels)

    def __call__(self, picture: Picture) -> Picture:
        """The picture, moved; its borders repeat what was at its edge.

        Raises:
            TextureError: it looks too little like the first.
        """
        pose = self.pose(luma(picture))
        middle = (np.array(picture.shape[:2]) - 1) / 2
        matrix = np.array([[1 + pose[2], pose[3]], [-pose[3], 1 + pose[2]]])
        offset = pose[:2] + middle - matrix @ middle
        # Of what is only moved, the axes are apart, which is quicker.
        steps = matrix if pose[2:].any() else np.ones(2)
        moved = np.empty(picture.shape, np.float32)
        for channel in range(picture.shape[2]):
            levels = picture[..., channel].astype(np.float32)
            ndimage.affine_transform(
                levels, steps, offset, output=moved[..., channel], order=3, mode="nearest"
            )
        steadied = np.empty_like(picture)
        steadied[:] = np.rint(moved).clip(0, np.iinfo(picture.dtype).max)
        return steadied

    def pose(self, levels: Levels) -> Pose:
        """How a picture lies, beside the first.

        Raises:
            TextureError: it looks too little like the first.
        """
        if self._region is not None:
            exact = levels.astype(float)
            moved = self._region.refine(exact, self._region.search(exact, REACH))
            return np.array([moved.dy, moved.dx, 0.0, 0.0])
        right, down = self._whole(levels)
        return self._grid.refine(levels, np.array([down, right, 0.0, 0.0]))


class _Grid:
    """The strongest pixels of every square of a picture, and how their levels tell its pose."""

    def __init__(self, levels: Levels) -> None:
        smooth = ndimage.gaussian_filter(levels.astype(float), 1.0)
        gradient = np.stack([np.gradient(smooth, axis=axis) for axis in (0, 1)])
        strength = np.hypot(*gradient)
        strength[[0, -1]] = strength[:, [0, -1]] = -1
        self.positions = _strongest(strength)
        rows, columns = self.positions
        self.levels = smooth[rows, columns]
        self.middle = (np.array(levels.shape)[:, None] - 1) / 2
        self.away = self.positions - self.middle
        down, right = gradient[:, rows, columns]
        self.radius = float(np.hypot(*self.away).max())
        # How much each level falls for a step of each part of the pose; angles and zooms as the
        # pixels that they move the farthest point by.
        self.slopes = np.stack(
            [
                down,
                right,
                (down * self.away[0] + right * self.away[1]) / self.radius,
                (down * self.away[1] - right * self.away[0]) / self.radius,
            ]
        )

    def refine(self, levels: Levels, pose: Pose) -> Pose:
        picture = ndimage.spline_filter(ndimage.gaussian_filter(levels.astype(float), 1.0), 3)
        scale = np.array([1.0, 1.0, self.radius, self.radius])
        limits = np.array(levels.shape)[:, None] - 1
        weights = np.ones(self.levels.shape)
        for _ in range(ITERATIONS):
            zoom, angle = pose[2:]
            turned = np.stack(
                [
                    zoom * self.away[0] + angle * self.away[1],
                    zoom * self.away[1] - angle * self.away[0],
                ]
            )
            places = self.positions + pose[:2, None] + turned
            inside = ((places >= 0) & (places <= limits)).all(axis=0)
            moved = ndimage.map_coordinates(picture, places[:, inside], order=3, prefilter=False)
            design = np.stack([self.levels, np.ones_like(self.levels), *-self.slopes])[:, inside]
            weighed = design * weights[inside]
            fit = np.linalg.lstsq(weighed @ design.T, weighed @ moved, rcond=None)[0]
            gain, step = fit[0], fit[2:] / fit[0]
            length = float(np.abs(step).max())
            if gain <= 0 or not np.isfinite(length):
                raise TextureError(LOST)
            pose = pose + step * min(1.0, 0.5 / max(length, 1e-12)) / scale
            if length < CONVERGED:
                break
            weights[inside] = _agreement(moved - fit @ design)
        if not np.corrcoef(moved, self.levels[inside])[0, 1] >= LEAST_LIKENESS:
            raise TextureError(LOST)
        return pose


def _strongest(strength: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places (2, N): of each square, those where it is greatest."""
    height, width = (side // CELL * CELL for side in strength.shape)
    if not (height and width):
        return np.argwhere(strength >= 0).T
    cells = strength[:height, :width].reshape(height // CELL, CELL, width // CELL, CELL)
    flat = cells.transpose(0, 2, 1, 3).reshape(-1, CELL * CELL)
    best = np.argpartition(-flat, STRONGEST, axis=1)[:, :STRONGEST]
    cell = np.arange(len(flat))[:, None]
    rows = cell // (width // CELL) * CELL + best // CELL
    columns = cell % (width // CELL) * CELL + best % CELL
    return np.stack([rows.ravel(), columns.ravel()])


def _agreement(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tukey's weights: 1 where a pixel agrees, 0 where it goes its own way."""
    scale = TUKEY * DEVIATION * max(float(np.median(np.abs(residuals))), 1e-6)
    return np.asarray((1 - (residuals / scale) ** 2).clip(0, None) ** 2)
