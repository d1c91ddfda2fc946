"""Fractional anisotropy: how far motion prefers one orientation (Takeda et al., CVPR 2019).

What moves changes the phases of all orientations together, in proportion to how much each of them
runs along the motion. Noise changes each by itself. So the covariance of the orientations has one
large eigenvalue in the one case, and equal ones in the other.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 5
"""Samples of a band along each side of the neighbourhood whose covariance is taken."""


def fractional_anisotropy(motions: Tensor) -> Tensor:
    """Motions (orientations, N frames, h, w) → their anisotropy (h, w), from 0 to 1.

    FA = sqrt(n / (n - 1) · Σ (λ - mean λ)² / Σ λ²), with λ the n eigenvalues of the covariance over
    the frames and a patch of 5x5. The sum of λ is the trace of the covariance, that of λ² the sum
    of its squared elements: no eigenvalue has to be found. It is 0 where nothing moves.
    """
    count = len(motions)
    mean = _patch_mean(motions.mean(1))
    trace, squares = torch.zeros_like(mean[0]), torch.zeros_like(mean[0])
    for number, motion in enumerate(motions):
        rest = slice(number, None)
        covariance = _patch_mean((motion * motions[rest]).mean(1)) - mean[number] * mean[rest]
        trace += covariance[0]
        # Those beside the diagonal are there twice.
        squares += covariance[0].square() + 2 * covariance[1:].square().sum(0)
    tiny = torch.finfo(trace.dtype).tiny
    even = trace.square() / (count * squares).clamp(min=tiny)
    anisotropy = (count / (count - 1) * (1 - even)).clamp(0, 1).sqrt()
    return anisotropy * (squares > 0)


def _patch_mean(maps: Tensor) -> Tensor:
    """Maps (n, h, w) → the mean of the patch around each of their samples."""
    return F.avg_pool2d(maps, PATCH, 1, PATCH // 2, count_include_pad=False)
