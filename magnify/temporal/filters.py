"""Coefficients of temporal filters. Cut-offs are in Hz of the sampling rate, in (0, rate / 2).

Without `low` a filter is a low-pass, without `high` a high-pass; one of them must be there.
Recursive filters are second-order sections, (n, 6) rows of b0, b1, b2, 1, a1, a2.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Coefficients = NDArray[np.float64]

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


def fir(low: float | None, high: float | None, taps: int, rate: float) -> Coefficients:
    """Hamming-windowed linear-phase FIR, (taps,): -6 dB at the cut-offs, -53 dB in the stop-band.

    `taps` is odd, so that the delay (taps - 1) / 2 is whole frames.
    """
    if taps == 1:
        return np.ones(1)
    kind = _kind(low, high)
    return np.asarray(signal.firwin(taps, _cutoffs(low, high), pass_zero=kind, fs=rate))


def taps_to_resolve(low: float | None, high: float | None, rate: float) -> int:
    """The fewest taps (odd) whose response still has the band's form.

    A transition is 3.3 · rate / taps wide and centred on its cut-off. It must fit between 0 Hz
    and the cut-off, or a low cut-off would not keep drift out, and between the cut-off and half the
    rate; and two must fit into the band, half of each, or its centre would not be reached.
    """
    cutoffs = [cutoff for cutoff in (low, high) if cutoff is not None]
    transition = min(2 * cutoffs[0], rate - 2 * cutoffs[-1])
    if low is not None and high is not None:
        transition = min(transition, high - low)
    taps = math.ceil(HAMMING_TRANSITION * rate / transition)
    return taps + 1 - taps % 2


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
