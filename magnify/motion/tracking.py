"""How far one region has moved in each picture of a clip, with its standard error.

Gauss-Newton on the grey levels with gain and offset, as in `registration`, but from where the
region was last; it is searched for again where it is not found there.
"""

from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.motion.regions import Region
from magnify.motion.registration import (
    CONVERGED,
    ITERATIONS,
    LEAST_LIKENESS,
    LEAST_OVERLAP,
    REACH,
    Template,
    TextureError,
)

Values: TypeAlias = NDArray[np.float64]
Picture: TypeAlias = NDArray[np.floating[Any]]

SURE_LIKENESS = 0.8
"""Correlation from which a region counts as found."""
MARGIN = 12
"""Pixels around the region's last place that are looked at; a spline needs the outer ones."""
LEAST_ENERGY = 0.5
"""Mean squared gradient in the weakest direction, (levels / px)²; below, it is noise."""
LONGEST_STEP = 0.5
MOST_DAMPING = 1e-6


class State(StrEnum):
    """How a region was found: as it was, changed, or not at all."""

    ok = "ok"
    weak = "weak"
    lost = "lost"


class Tracked(NamedTuple):
    """Where a region is in one picture; all numbers are NaN where it is lost.

    Displacements and their standard errors in pixels, right and down; the errors are those of
    white noise of the size of the fit's residual. `likeness` is the correlation coefficient with
    the reference, `gain` the contrast relative to it.
    """

    dx: float
    dy: float
    dx_error: float
    dy_error: float
    likeness: float
    gain: float
    state: State


NAN = float("nan")
LOST = Tracked(NAN, NAN, NAN, NAN, NAN, NAN, State.lost)


class RegionTracker:
    """Follows the part of `reference` (H, W), in grey levels, that lies in `region`.

    Raises:
        SettingsError: the region leaves the picture.
        TextureError: it has no texture that fixes its motion in both directions.
    """

    def __init__(self, reference: Picture, region: Region) -> None:
        region.check_inside(*reference.shape)
        mask = np.zeros(reference.shape, bool)
        mask[region.y : region.y + region.height, region.x : region.x + region.width] = True
        self.template = Template(reference.astype(float), mask)
        levels, gradient = self.template.levels, self.template.gradient
        energy = float(np.linalg.eigvalsh(gradient @ gradient.T)[0]) / len(levels)
        if energy < LEAST_ENERGY:
            raise TextureError(
                f"the region's texture is too faint to follow (mean squared gradient {energy:.2g}, "
                f"it needs {LEAST_ENERGY:g}); choose another"
            )
        self._design = np.stack([levels, np.ones_like(levels), *-gradient])
        self._last: Values = np.zeros(2)

    def feed(self, picture: Picture) -> Tracked:
        """Where the region is in the next picture."""
        tracked = self._fit(picture, self._last)
        if tracked.state is not State.ok:
            again = self._fit(picture, self.template.search(picture.astype(float), REACH))
            if not tracked.likeness >= again.likeness:
                tracked = again
        if tracked.state is not State.lost:
            self._last = np.array([tracked.dy, tracked.dx])
        return tracked

    def _fit(self, picture: Picture, start: Values) -> Tracked:
        corner, part = self._around(picture, start)
        coefficients = ndimage.spline_filter(part.astype(float), 3)
        limits = np.array(part.shape)[:, None] - 1
        shift = start.astype(float)
        for _ in range(ITERATIONS):
            positions = self.template.positions + (shift - corner)[:, None]
            inside = ((positions >= 0) & (positions <= limits)).all(axis=0)
            if inside.mean() < LEAST_OVERLAP:
                return LOST
            moved = ndimage.map_coordinates(
                coefficients, positions[:, inside], order=3, prefilter=False
            )
            design = self._design[:, inside]
            normal = design @ design.T
            solution = np.linalg.lstsq(normal, design @ moved, rcond=None)[0]
            gain = float(solution[0])
            step = solution[2:] / gain if gain > MOST_DAMPING else np.full(2, np.inf)
            length = float(np.hypot(*step))
            if not np.isfinite(length):
                return LOST
            shift = shift + step * min(1.0, LONGEST_STEP / max(length, 1e-12))
            if length < CONVERGED:
                break
        residual = moved - solution @ design
        return _tracked(shift, gain, moved, self.template.levels[inside], residual, normal)

    def _around(
        self,
        picture: Picture,
        shift: Values,
    ) -> tuple[Values, Picture]:
        """The part of the picture where the region may be, and its top left corner."""
        first = np.floor(self.template.positions.min(axis=1) + shift) - MARGIN
        last = np.ceil(self.template.positions.max(axis=1) + shift) + MARGIN + 1
        top, left = first.clip(0, np.array(picture.shape) - 1).astype(int)
        bottom, right = last.clip(np.array([top, left]) + 1, picture.shape).astype(int)
        return np.array([top, left], float), picture[top:bottom, left:right]


def _tracked(
    shift: Values, gain: float, moved: Values, levels: Values, residual: Values, normal: Values
) -> Tracked:
    scatter = moved.std() * levels.std()
    likeness = float(np.cov(moved, levels, bias=True)[0, 1] / scatter) if scatter > 0 else 0.0
    if likeness < LEAST_LIKENESS:
        return LOST
    freedom = max(len(moved) - len(normal), 1)
    covariance = np.linalg.pinv(normal)[2:, 2:] * float(residual @ residual) / freedom / gain**2
    errors = np.sqrt(np.diag(covariance).clip(0))
    state = State.ok if likeness >= SURE_LIKENESS else State.weak
    return Tracked(
        float(shift[1]), float(shift[0]), float(errors[1]), float(errors[0]), likeness, gain, state
    )
