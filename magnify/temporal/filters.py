"""Coefficients of temporal filters. Cut-offs are in Hz of the sampling rate, in (0, rate / 2).

Without `low` a filter is a low-pass, without `high` a high-pass; one of them must be there.
Recursive filters are second-order sections, (n, 6) rows of b0, b1, b2, 1, a1, a2.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Coefficients = NDArray[np.float64]

NOTCH_QUALITY = 15.0
"""A notch leaves out this fraction of its frequency: 1 / 15, half of it on either side."""

GAUSSIAN_REACH = 4.0
"""Standard deviations on either side where a Gaussian is cut off."""

HAMMING_TRANSITION = 3.3
"""A Hamming-windowed FIR of N taps needs this many times rate / N to go from pass to stop."""


def butterworth(low: float | None, high: float | None, order: int, rate: float) -> Coefficients:
    """Butterworth sections: -3 dB at the cut-offs, 6·order dB per octave away from them.

    A band-pass has as many sections as its order; its phase is zero where tan(π · frequency /
    rate) is the geometric mean of that of the cut-offs, far below the rate their own, and reaches
    ±45·order degrees at the cut-offs.
    """
    return np.asarray(
        signal.butter(order, _cutoffs(low, high), _kind(low, high), fs=rate, output="sos")
    )


def difference_of_iir(r1: float, r2: float) -> Coefficients:
    """LP(r2) - LP(r1), where LP(r) is y[t] = r·x[t] + (1 - r)·y[t-1], as the papers use it.

    b = [r2 - r1, r1 - r2], a = [1, -(2 - r1 - r2), (1 - r1)(1 - r2)], with 0 <= r1 < r2 <= 1.
    r1 = 0 leaves the low-pass of r2, r2 = 1 what the low-pass of r1 leaves over. In a band of
    `low` to `high` Hz far below the rate the best gain is about (high - low) / (high + low).
    """
    if r1 == 0:  # LP(0) is nothing: its pole at z = 1 is cancelled here, not left to rounding
        return np.array([[r2, 0, 0, 1, r2 - 1, 0]])
    return np.array([[r2 - r1, r1 - r2, 0, 1, -(2 - r1 - r2), (1 - r1) * (1 - r2)]])


def lowpass_coefficient(cutoff: float, rate: float) -> float:
    """The r whose first-order low-pass is at -3 dB at the cut-off.

    r = sqrt(c² + 2c) - c with c = 1 - cos(2π · cutoff / rate); for cut-offs far below the rate
    this is the familiar 1 - exp(-2π · cutoff / rate).
    """
    c = 1 - math.cos(2 * math.pi * cutoff / rate)
    return math.sqrt(c * c + 2 * c) - c


def with_notches(sections: Coefficients, notches: Sequence[float], rate: float) -> Coefficients:
    """The sections, and one more for each frequency in Hz that is left out."""
    stops = [signal.tf2sos(*signal.iirnotch(notch, NOTCH_QUALITY, fs=rate)) for notch in notches]
    return np.concatenate([sections, *stops])


def fir(
    low: float | None,
    high: float | None,
    taps: int,
    rate: float,
    notches: Sequence[float] = (),
) -> Coefficients:
    """Hamming-windowed linear-phase FIR, (taps,): -6 dB at the cut-offs, -53 dB in the stop-band.

    `taps` is odd, so that the delay (taps - 1) / 2 is whole frames.
    """
    if taps == 1:
        return np.ones(1)
    cutoffs = edges(low, high, notches)
    return np.asarray(signal.firwin(taps, cutoffs, pass_zero=low is None, fs=rate))


def with_outside(taps: Coefficients, outside: float) -> Coefficients:
    """Taps of linear phase that also pass a share of what they leave out: F + outside · (1 - F)."""
    middle = np.zeros(len(taps))
    middle[len(taps) // 2] = 1
    return np.asarray(taps + outside * (middle - taps))


def edges(low: float | None, high: float | None, notches: Sequence[float] = ()) -> list[float]:
    """Where the band begins and ends, and each part of it that is left out, in order, in Hz."""
    half = 1 / (2 * NOTCH_QUALITY)
    stops = [edge for notch in sorted(notches) for edge in (notch * (1 - half), notch * (1 + half))]
    return [*([] if low is None else [low]), *stops, *([] if high is None else [high])]


def taps_to_resolve(
    low: float | None, high: float | None, rate: float, notches: Sequence[float] = ()
) -> int:
    """The fewest taps (odd) whose response still has the band's form.

    A transition is 3.3 · rate / taps wide and centred on its edge. It must fit between 0 Hz
    and the edge, or a low cut-off would not keep drift out, and between the edge and half the
    rate; and two must fit between two edges, half of each, or the middle would not be reached.
    """
    cutoffs = edges(low, high, notches)
    between = [after - before for before, after in pairwise(cutoffs)]
    transition = min(2 * cutoffs[0], rate - 2 * cutoffs[-1], *between)
    taps = math.ceil(HAMMING_TRANSITION * rate / transition)
    return taps + 1 - taps % 2


def second_derivative(frequency: float, rate: float) -> Coefficients:
    """Acceleration around a frequency: minus the second derivative of a Gaussian, (taps,).

    Its response is that of ω² exp(-σ²ω²/2), with its peak, scaled to 1, at the frequency in Hz:
    σ = √2 · rate / (2π · frequency) frames. Whatever moves evenly, however far, it leaves out:
    its sum and its first moment are 0 (Zhang et al. 2017; the kernels as published peak elsewhere).
    """
    return _derivative(frequency, rate, 2)


def third_derivative(frequency: float, rate: float) -> Coefficients:
    """Jerk around a frequency: the third derivative of the same Gaussian, with gain 1 there."""
    return _derivative(frequency, rate, 3)


def _derivative(frequency: float, rate: float, order: Literal[2, 3]) -> Coefficients:
    sigma = math.sqrt(2) * rate / (2 * math.pi * frequency)
    half = math.ceil(GAUSSIAN_REACH * sigma)
    time = np.arange(-half, half + 1) / sigma
    gaussian = np.exp(-(time**2) / 2)
    taps = (1 - time**2) * gaussian if order == 2 else (time**3 - 3 * time) * gaussian
    if order == 2:
        taps -= gaussian * (taps.sum() / gaussian.sum())  # truncated, it would not sum to 0
    phases = 2 * math.pi * frequency / rate * np.arange(-half, half + 1)
    return np.asarray(taps / abs(taps @ np.exp(1j * phases)))


def gain_at_zero(sections: Coefficients) -> float:
    """What the filter makes of a constant: 1 for a low-pass, 0 for the others."""
    return float(np.prod(sections[:, :3].sum(axis=1) / sections[:, 3:].sum(axis=1)))


def peak_gain(sections: Coefficients) -> float:
    """The largest gain at any frequency."""
    # Fine near 0 Hz, where the bands of slow motion lie.
    frequencies = np.geomspace(1e-6, 0.5, 4096)
    return float(np.abs(signal.sosfreqz(sections, frequencies, fs=1.0)[1]).max())


def settling_frames(sections: Coefficients, remainder: float) -> int:
    """After how many frames the slowest pole's transient has shrunk to `remainder`."""
    poles = np.concatenate([np.roots(row) for row in sections[:, 3:]])
    radius = float(np.abs(poles).max())
    return math.ceil(math.log(remainder) / math.log(radius)) if radius > 0 else 0


def fast_fft_length(length: int) -> int:
    """The next length whose real FFT is fast."""
    return int(fft.next_fast_len(length, real=True))


def _cutoffs(low: float | None, high: float | None) -> Coefficients:
    return np.squeeze([cutoff for cutoff in (low, high) if cutoff is not None])


def _kind(low: float | None, high: float | None) -> Literal["lowpass", "highpass", "bandpass"]:
    if low is None:
        return "lowpass"
    return "highpass" if high is None else "bandpass"
