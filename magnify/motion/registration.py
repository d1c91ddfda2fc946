"""How far a textured region moved between two pictures, to a hundredth of a pixel.

Two steps: the whole-pixel displacement by masked normalised cross-correlation (Padfield,
"Masked object registration in the Fourier domain", 2012), then Gauss-Newton least squares on the
grey levels (Lucas and Kanade, 1981), with gain and offset as nuisance parameters.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from magnify.errors import SettingsError

Levels: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

REACH = 40
"""Longest displacement searched for, in pixels along each axis, unless another is asked for."""
ITERATIONS = 30
CONVERGED = 1e-5
"""A Gauss-Newton step shorter than this many pixels is the last."""
DRIFT = 3.0
"""Farthest that refining may go, in pixels. Of a damaged region the two steps may prefer different
displacements; beyond this, what was left of it has slipped."""
LEAST_OVERLAP = 0.5
"""Share of the region that must lie inside the picture where it went."""
LEAST_LIKENESS = 0.4
"""Correlation of the region with what it has become; that with unrelated pictures reaches 0.2."""
LEAST_TEXTURE = 1e-3
"""Gradient energy in the weakest direction over that in the strongest; below, motion slips."""
LEAST_CONTRAST = 1e-3
"""Weakest gradient over the level, both root mean squares; below, it is rounding and ringing."""

LOST = "what the region has become looks too little like it to tell how far it went; choose another"


class TextureError(SettingsError):
    """A region without the texture that fixes its motion in both directions."""


class Displacement(NamedTuple):
    """Pixels to the right and down."""

    dx: float
    dy: float


def displacement(
    reference: NDArray,  # type: ignore[type-arg]
    picture: NDArray,  # type: ignore[type-arg]
    mask: Mask | None = None,
    reach: int = REACH,
) -> Displacement:
    """How far the part of `reference` under `mask` has moved in `picture`.

    Any number type and range; colours are compared by their luma (BT.601). Noise in `picture` does
    not bias the result; noise in `reference` does, towards zero.

    Args:
        reference: (H, W) or (H, W, 3).
        picture: of the same shape.
        mask: (H, W), where the reference shows what moves; everywhere by default. What moves
            should fill it and stay inside the picture.
        reach: longest displacement searched for, in whole pixels along each axis; refining goes up
            to `DRIFT` farther. A short one cannot take one stripe for the next.

    Raises:
        SettingsError: the shapes differ, or the mask is empty.
        TextureError: the region has no texture that fixes both directions, or has lost it in
            `picture`, so that the two steps disagree.
    """
    if reference.shape != picture.shape:
        raise SettingsError(f"the pictures' shapes differ: {reference.shape} and {picture.shape}")
    if mask is None:
        mask = np.ones(reference.shape[:2], bool)
    if mask.shape != reference.shape[:2] or not mask.any():
        raise SettingsError(
            f"the mask must be {reference.shape[:2]} and select something; it is {mask.shape} "
            f"and selects {np.count_nonzero(mask)} pixels"
        )
    template = Template(_luma(reference), mask)
    moved = _luma(picture)
    return template.refine(moved, template.search(moved, reach))


class Template:
    """A reference's region: positions, grey levels and their gradient.

    Raises:
        TextureError: the region has no texture that fixes its motion in both directions.
    """

    def __init__(self, reference: Levels, mask: Mask) -> None:
        self.reference, self.mask = reference, mask
        self.positions = np.argwhere(mask).T.astype(float)
        self.levels = reference[mask]
        # The derivative of the interpolating cubic spline; plain differences would overshoot.
        self.gradient = np.stack(
            [
                np.gradient(ndimage.spline_filter1d(reference, 3, axis), axis=axis)[mask]
                for axis in (0, 1)
            ]
        )
        weakest, strongest = np.linalg.eigvalsh(self.gradient @ self.gradient.T)
        rounding = LEAST_CONTRAST**2 * (self.levels @ self.levels)
        if weakest <= max(LEAST_TEXTURE * strongest, rounding):
            raise TextureError(
                "the region has no texture that fixes its motion in both directions; choose another"
            )

    def search(self, picture: Levels, reach: int) -> NDArray[np.float64]:
        """The displacement (y, x) in whole pixels with the highest correlation coefficient."""
        box = tuple(
            slice(max(int(p.min()) - reach, 0), int(p.max()) + reach + 1) for p in self.positions
        )
        picture = picture[box]
        weights = self.mask[box].astype(float)
        template = self.reference[box] * weights
        size = [fft.next_fast_len(side + reach, real=True) for side in picture.shape]

        def correlate(template: Levels, picture: Levels) -> Levels:
            """Sum over p of template(p) · picture(p + d), for d from -reach to reach."""
            product = fft.rfft2(template, size).conj() * fft.rfft2(picture, size)
            shifted = np.roll(fft.irfft2(product, size), (reach, reach), (0, 1))
            return shifted[: 2 * reach + 1, : 2 * reach + 1]

        # Everything is counted from the mean: the variances below are small differences.
        mean = self.levels.mean()
        template -= mean * weights
        picture = picture - mean
        inside = np.ones_like(picture)
        overlap = correlate(weights, inside).clip(1)
        sums = correlate(template, inside), correlate(weights, picture)
        squares = correlate(template**2, inside), correlate(weights, picture**2)
        covariance = correlate(template, picture) - sums[0] * sums[1] / overlap
        first, second = (
            (square - total**2 / overlap).clip(1e-6 * self.levels.size)
            for square, total in zip(squares, sums, strict=True)
        )
        score = covariance / np.sqrt(first * second)
        score[overlap < LEAST_OVERLAP * self.levels.size] = -1
        best = np.unravel_index(score.argmax(), score.shape)
        return np.array(best, float) - reach

    def refine(self, picture: Levels, start: NDArray[np.float64]) -> Displacement:
        """From there to where picture(p + d) is the reference's linear function, p in the mask.

        Raises:
            TextureError: nothing alike is there, or only farther than `DRIFT` away.
        """
        coefficients = ndimage.spline_filter(picture, 3)
        limits = np.array(picture.shape)[:, None] - 1
        shift = start
        for _ in range(ITERATIONS):
            positions = self.positions + shift[:, None]
            inside = ((positions >= 0) & (positions <= limits)).all(axis=0)
            moved = ndimage.map_coordinates(
                coefficients, positions[:, inside], order=3, prefilter=False
            )
            design = np.stack([self.levels, np.ones_like(self.levels), *-self.gradient])[:, inside]
            gain, _, *steps = np.linalg.lstsq(design @ design.T, design @ moved, rcond=None)[0]
            step = np.array(steps) / gain
            length = float(np.hypot(*step))
            if gain <= 0 or not np.isfinite(length):
                raise TextureError(LOST)
            # As far as the linear model can be trusted.
            shift = shift + step * min(1.0, 0.5 / max(length, 1e-12))
            if length < CONVERGED:
                break
        likeness = np.corrcoef(moved, self.levels[inside])[0, 1]
        if not (likeness >= LEAST_LIKENESS and np.hypot(*(shift - start)) <= DRIFT):
            raise TextureError(LOST)
        return Displacement(float(shift[1]), float(shift[0]))


def _luma(picture: NDArray) -> Levels:  # type: ignore[type-arg]
    levels = picture.astype(float)
    return levels if levels.ndim == 2 else levels @ np.array([0.299, 0.587, 0.114])
