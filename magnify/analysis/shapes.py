"""Where a frequency lives: how far, along which direction and when each block moves at it.

This is what vibration analysts call an operating deflection shape.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from magnify.analysis.series import MotionSeries
from magnify.analysis.spectra import Segments, amplitudes_at

Values: TypeAlias = NDArray[np.float64]

LOUD = 0.95
"""The quantile of the live blocks' amplitudes that stands for a peak: at edges they are too low."""
LONE = 2.0
"""Times more that a block needs whose neighbours stand still: blocks overlap by half, so what moves
is seen by several, and noise by one."""
WHOLE = 0.7
"""Share of the blocks that must move together to count as all of the picture."""
TOGETHER = 0.6
"""Radians within which phases agree."""


@dataclass(frozen=True)
class Shape:
    """The live blocks at one frequency.

    Attributes:
        block: which blocks, counted row by row: (blocks,).
        position: of their centres, pixels right and down: (blocks, 2).
        amplitude: zero to peak along `direction`, in px: (blocks,).
        phase: relative to the loudest block, in radians, positive where a block is ahead.
        direction: unit vectors, right and down, on the side of `main_direction`: (blocks, 2).
        snr: power over the block's own floor.
        main_direction: the one that most of the motion has in the picture: (2,).
        absolute_phase: of the loudest block, at the first frame, in radians.
        components: live components; `usable`: all there are.
    """

    block: NDArray[np.intp]
    position: Values
    amplitude: Values
    phase: Values
    direction: Values
    snr: Values
    main_direction: Values
    absolute_phase: float
    components: int
    usable: int

    @property
    def loudness(self) -> float:
        """The peak's amplitude in px, zero to peak: the 95th percentile of the live blocks."""
        return float(np.quantile(self.amplitude, LOUD))

    @property
    def extent(self) -> float:
        """How much moves how far: the root of the sum of the blocks' squared amplitudes, in px."""
        return float(np.linalg.norm(self.amplitude))

    def is_whole(self, blocks: int) -> bool:
        """Whether nearly everything of so many blocks moves as one: the camera, perhaps."""
        return int((np.abs(self.phase) < TOGETHER).sum()) > WHOLE * blocks


def shape_at(
    series: MotionSeries, segments: Segments, frequency: float, snr: Values, least_snr: float
) -> Shape | None:
    """The deflection at `frequency` of the components whose `snr` reaches `least_snr`.

    A component without a live neighbour needs twice as much.

    Phases of a series in several segments are means of the cross-spectrum with the loudest block.
    """
    live = _live(series, snr, least_snr)
    if not len(live):
        return None
    complexes = amplitudes_at(series.along[:, live], segments, frequency)
    blocks, place = np.unique(series.block[live], return_inverse=True)
    # Of each segment and block, as a vector: right and down.
    vectors = np.zeros((len(complexes), len(blocks), 2), complex)
    for axis in (0, 1):
        np.add.at(vectors[..., axis].T, place, (complexes * series.direction[live, axis]).T)
    covariance = np.einsum("sbi,sbj->bij", vectors, vectors.conj()).real / len(complexes)
    own = np.linalg.eigh(covariance)[1][..., -1]
    main = np.linalg.eigh(covariance.sum(0))[1][:, -1]
    # Right rather than left, and down rather than up.
    main = main if main[np.abs(main).argmax()] > 0 else -main
    own = np.where((own @ main < 0)[:, None], -own, own)
    moved = np.einsum("sbi,bi->sb", vectors, own)
    amplitude = np.sqrt((np.abs(moved) ** 2).mean(0))
    loudest = int(amplitude.argmax())
    cross = (moved * moved[:, loudest].conj()[:, None]).mean(0)
    block_snr = np.zeros(len(blocks))
    np.maximum.at(block_snr, place, snr[live])
    return Shape(
        block=blocks,
        position=series.centres[blocks],
        amplitude=amplitude,
        phase=np.angle(cross),
        direction=own,
        snr=block_snr,
        main_direction=main,
        absolute_phase=float(np.angle(moved[0, loudest])),
        components=len(live),
        usable=len(snr),
    )


def _live(series: MotionSeries, snr: Values, least_snr: float) -> NDArray[np.intp]:
    """The components that live."""
    candidates = np.zeros(series.grid.shape)
    candidates.flat[series.block[snr >= least_snr]] = 1
    around = ndimage.convolve(candidates, np.ones((3, 3)), mode="constant") - candidates
    lone = around.flat[series.block] < 0.5
    return np.flatnonzero(snr >= np.where(lone, LONE, 1.0) * least_snr)
