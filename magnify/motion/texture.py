"""Where texture fixes motion, and along which direction: the aperture problem, settled first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_ENERGY = 4.0
"""Mean squared gradient, in (grey levels / px)², from which a direction of motion is usable."""
LEAST_ISOTROPY = 0.2
"""Of the strong direction's energy, what the weak one needs. Below, the texture along a line is
the staircase that pixels make of it, and that runs along the line when the line moves across."""


@dataclass(frozen=True)
class Texture:
    """Each block's structure tensor by its two principal directions, the stronger one first.

    Attributes:
        energy: mean squared gradient along each direction, (levels / px)²: (rows, columns, 2).
        direction: unit vectors as (right, down): (rows, columns, 2, 2), the second-last axis
            being right or down, the last one strong or weak.
    """

    energy: NDArray[np.float64]
    direction: NDArray[np.float64]

    @classmethod
    def of(cls, tensor: NDArray[np.float64]) -> "Texture":
        """From structure tensors (rows, columns, 2, 2) over (right, down)."""
        energy, direction = np.linalg.eigh(tensor)
        return cls(energy[..., ::-1], direction[..., ::-1])

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which directions have texture enough to tell the motion along them.

        An edge has one: it shows the motion across it, and none along it.
        """
        strong = self.energy[..., :1]
        usable: NDArray[np.bool_] = self.energy >= np.maximum(LEAST_ISOTROPY * strong, LEAST_ENERGY)
        return usable
