"""The motion that many places of a picture have in common: the camera's, or a large subject's."""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 20
SOFTNESS = 0.01
"""Pixels of disagreement below which all places count alike."""
AT_ONCE = 64


def common_motion(
    along: NDArray[np.floating], direction: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The one displacement (T, 2), right and down, that most components agree on.

    Least absolute deviations, by reweighted least squares: a part of the picture that moves
    otherwise does not count.

    Args:
        along: displacements in pixels along a direction each, (T, components).
        direction: unit vectors (components, 2), right and down.
    """
    motion = np.zeros((len(along), 2))
    for start in range(0, len(along), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        motion[part] = _most_agreed(np.asarray(along[part], float), direction.astype(float))
    return motion


def _most_agreed(along: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    outer = (direction[:, :, None] * direction[:, None, :]).reshape(-1, 4)
    weights = np.ones(along.shape)
    motion = np.zeros((len(along), 2))
    for _ in range(ROUNDS):
        normal = (weights @ outer).reshape(-1, 2, 2)
        # Where all directions are one, what is across them stays 0.
        normal += 1e-6 * np.trace(normal, axis1=-2, axis2=-1)[:, None, None] * np.eye(2)
        right_side = (weights * along) @ direction
        motion[:] = np.linalg.solve(normal, right_side[..., None])[..., 0]
        weights = 1.0 / (np.abs(along - motion @ direction.T) + SOFTNESS).astype(np.float64)
    return motion
