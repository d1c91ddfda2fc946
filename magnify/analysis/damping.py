"""Free decay: a sinusoid that dies away, fitted to a displacement."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Values: TypeAlias = NDArray[np.float64]

MOST_RESIDUAL = 0.6
"""Of the fitted part's RMS: above, the motion is no free decay."""
LEAST_DECAY = 0.2
"""Decay over the fitted time, in natural units, from which a damping can be told from none."""
LEAST_PERIODS = 4


@dataclass(frozen=True)
class Decay:
    """A exp(-d t) cos(2 pi f t + phase), from `start` seconds on.

    Attributes:
        frequency: f, in Hz.
        rate: d, in 1/s.
        damping_ratio: of critical damping, d / (2 pi f).
        amplitude: A at `start`, zero to peak, in the unit of the displacement.
        residual: RMS of what the fit leaves over the RMS of what it was fitted to.
    """

    frequency: float
    rate: float
    damping_ratio: float
    amplitude: float
    start: float
    residual: float


def fit_decay(times: Values, displacement: Values, frequency: float) -> Decay | None:
    """The decay from the loudest moment on, near a frequency in Hz; None where there is none.

    Frequency and decay are found by least squares; amplitude, phase and a straight line, which are
    linear, are solved for at each trial.
    """
    band = _around(times, displacement, frequency)
    start = int(np.abs(band).argmax())
    times, values = times[start:], band[start:]
    elapsed = times - times[0] if len(times) else times
    if not len(times) or elapsed[-1] * frequency < LEAST_PERIODS:
        return None

    def left(trial: Values) -> Values:
        design = _design(elapsed, trial)
        rest: Values = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        return rest

    width = 1 / elapsed[-1]
    found = optimize.least_squares(
        left,
        [frequency, 1 / elapsed[-1]],
        bounds=([frequency - 2 * width, -10 * width], [frequency + 2 * width, frequency]),
        x_scale=[width, width],
    )
    f, rate = (float(value) for value in found.x)
    residual = float(np.sqrt((found.fun**2).mean() / max((values**2).mean(), 1e-30)))
    if residual > MOST_RESIDUAL or rate * elapsed[-1] < LEAST_DECAY:
        return None
    design = _design(elapsed, found.x)
    a, b = np.linalg.lstsq(design, values, rcond=None)[0][:2]
    ratio = rate / (2 * np.pi * f)
    return Decay(f, rate, ratio, float(np.hypot(a, b)), float(times[0]), residual)


def _design(elapsed: Values, trial: Values) -> Values:
    angle, envelope = 2 * np.pi * trial[0] * elapsed, np.exp(-trial[1] * elapsed)
    straight = np.ones_like(elapsed), elapsed
    return np.stack([envelope * np.cos(angle), envelope * np.sin(angle), *straight], 1)


def _around(times: Values, displacement: Values, frequency: float) -> Values:
    """What lies within half an octave, by its Fourier transform."""
    rate = (len(times) - 1) / (times[-1] - times[0])
    transform = np.fft.rfft(displacement - displacement.mean())
    own = np.fft.rfftfreq(len(times), 1 / rate)
    transform[(own < frequency / 2**0.5) | (own > frequency * 2**0.5)] = 0
    band: Values = np.fft.irfft(transform, len(times))
    return band
