"""What frequencies a motion has: amplitudes, the floor that noise makes, and sinusoids.

Amplitudes are zero to peak: half of peak to peak, and the root of 2 above the RMS. The phase φ is
that of A·cos(2πft + φ), with t = 0 at the first frame.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Values: TypeAlias = NDArray[np.float64]
Columns: TypeAlias = NDArray[np.floating[Any]]

SEGMENT = 1024
"""Frames of one spectrum; longer series are cut into halves of this that overlap."""
PADDING = 2
"""Bins for each one that the duration resolves."""
AT_ONCE = 256
"""Columns that are transformed together: what bounds the memory."""
LEAST_BINS = 12
FLOOR_BANDS = 16
TINY = 1e-14


@dataclass(frozen=True)
class Segments:
    """How a series is cut: overlapping parts, each with a Hann window on its true times.

    `resolution` is one over a segment's duration, in Hz.
    """

    times: Values
    even: bool
    parts: tuple[slice, ...]

    @classmethod
    def of(cls, times: Values, even: bool) -> "Segments":
        length = min(len(times), SEGMENT)
        starts = range(0, len(times) - length + 1, max(length // 2, 1))
        return cls(times, even, tuple(slice(start, start + length) for start in starts))

    @property
    def length(self) -> int:
        return int(self.parts[0].stop - self.parts[0].start)

    @property
    def interval(self) -> float:
        """Mean seconds from frame to frame."""
        return float(self.times[-1] - self.times[0]) / (len(self.times) - 1)

    @property
    def resolution(self) -> float:
        return 1 / (self.length * self.interval)

    @property
    def frequencies(self) -> Values:
        """Up to what the typical interval can hold, in Hz; the first is 0."""
        typical = float(np.median(np.diff(self.times)))
        count = round(PADDING * self.length * self.interval / typical) // 2 + 1
        return np.arange(count) * self.resolution / PADDING

    def cut(self, series: Columns, part: slice) -> Values:
        """One part (frames, columns) without its straight line."""
        times = self.times[part]
        design = np.stack([np.ones_like(times), times - times.mean()], 1)
        columns = np.asarray(series[part], float)
        level: Values = columns - design @ np.linalg.lstsq(design, columns, rcond=None)[0]
        return level

    def window(self, part: slice) -> Values:
        times = self.times[part]
        place = (times - times[0] + self.interval / 2) / (len(times) * self.interval)
        window = np.sin(np.pi * place) ** 2
        normal: Values = window / window.sum()
        return normal


@dataclass(frozen=True)
class Spectra:
    """Amplitudes of many columns over frequency.

    Attributes:
        frequencies: in Hz, from 0: (F,).
        power: squared amplitude, zero to peak: (F, columns).
        floor: what noise alone would give, smooth in frequency: (F, columns).
    """

    segments: Segments
    frequencies: Values
    power: NDArray[np.float32]
    floor: NDArray[np.float32]


def spectra(series: Columns, segments: Segments, lowest: float) -> Spectra:
    """The spectra of columns (T, columns) in px, or whatever unit they have.

    Even series are transformed by FFT. Of uneven ones each frequency's sine and cosine are fitted
    at the true times (Lomb and Scargle's periodogram): resampling would lose high frequencies.

    Args:
        lowest: frequency from which the floor is estimated, in Hz.
    """
    frequencies = segments.frequencies
    power = np.zeros((len(frequencies), series.shape[1]), np.float32)
    floor = np.empty_like(power)
    for start in range(0, series.shape[1], AT_ONCE):
        some = slice(start, start + AT_ONCE)
        for part in segments.parts:
            columns = segments.cut(series[:, some], part)
            power[:, some] += _power(columns, segments, part, frequencies) / len(segments.parts)
        floor[:, some] = _floor(power[:, some], frequencies, lowest, segments)
    return Spectra(segments, frequencies, power, floor)


def _power(columns: Values, segments: Segments, part: slice, frequencies: Values) -> Values:
    if segments.even:
        weighted = columns * segments.window(part)[:, None]
        transform = 2 * fft.rfft(weighted, PADDING * len(columns), axis=0)[: len(frequencies)]
    else:
        transform = _fitted(columns, segments, part, frequencies)
    power: Values = np.abs(transform) ** 2
    return power


def density(found: Spectra) -> Values:
    """One-sided power spectral density, in the squared unit per Hz: (F, columns)."""
    # A Hann window is as wide as 1.5 bins.
    density: Values = found.power.astype(float) / (2 * 1.5 * found.segments.resolution)
    return density


def bandpassed(series: Values, rate: float, low: float, high: float) -> Values:
    """What of a series (T,) lies between two frequencies in Hz, without delay; NaN stays NaN.

    A Butterworth filter of order 4, forwards and backwards; gaps are bridged by straight lines.
    """
    gap = np.isnan(series)
    if gap.all():
        return series
    number = np.arange(len(series))
    whole = np.interp(number, number[~gap], series[~gap])
    sections = signal.butter(4, [low, high], "bandpass", fs=rate, output="sos")
    padding = min(len(series) - 1, 3 * (2 * len(sections) + 1))
    band: Values = signal.sosfiltfilt(sections, whole - whole.mean(), padlen=padding)
    return np.where(gap, np.nan, band)


def amplitudes_at(series: Columns, segments: Segments, frequency: float) -> NDArray[np.complex128]:
    """Complex amplitudes A·exp(iφ) of each segment and column at one frequency."""
    asked = np.array([frequency])
    return np.stack(
        [_fitted(segments.cut(series, part), segments, part, asked)[0] for part in segments.parts]
    )


def _fitted(
    columns: Values, segments: Segments, part: slice, frequencies: Values
) -> NDArray[np.complex128]:
    """Weighted least squares of a cosine and a sine at each frequency: (F, columns)."""
    times, window = segments.times[part], segments.window(part)
    angle = 2 * np.pi * frequencies[:, None] * times
    cosine, sine = np.cos(angle), np.sin(angle)
    cc, ss, cs = (
        ((a * b) @ window)[:, None] for a, b in ((cosine, cosine), (sine, sine), (cosine, sine))
    )
    along_cosine, along_sine = (wave @ (columns * window[:, None]) for wave in (cosine, sine))
    determinant = (cc * ss - cs**2).clip(TINY)
    a = (ss * along_cosine - cs * along_sine) / determinant
    b = (cc * along_sine - cs * along_cosine) / determinant
    # At 0 and at Nyquist there is no sine.
    lone = (cc * ss - cs**2 < 1e-6)[:, 0]
    a[lone] = (along_cosine / cc.clip(TINY))[lone]
    b[lone] = 0
    fitted: NDArray[np.complex128] = a - 1j * b
    return fitted


def _floor(
    power: NDArray[np.float32], frequencies: Values, lowest: float, segments: Segments
) -> NDArray[np.float32]:
    """The median of bands that grow with frequency, as a mean of what noise gives there.

    Motion on a slope towards low frequencies is missed by one median for all; so is a broad peak
    by narrow bands.
    """
    first = max(int(np.searchsorted(frequencies, lowest)), 1)
    edges = [first]
    growth = (len(frequencies) / first) ** (1 / FLOOR_BANDS)
    while edges[-1] < len(frequencies):
        edges.append(max(edges[-1] + LEAST_BINS * PADDING // 2, round(edges[-1] * growth)))
    edges[-1] = len(frequencies)
    if len(edges) > 2 and edges[-1] - edges[-2] < LEAST_BINS:
        edges.pop(-2)
    bands = list(pairwise(edges))
    # The median of a mean of n exponential variables, relative to the mean.
    share = (1 - 1 / (9 * len(segments.parts))) ** 3
    middles = np.array([np.sqrt(low * high) for low, high in bands])
    levels = np.log(np.stack([np.median(power[low:high], 0) for low, high in bands]) / share + TINY)
    place = np.interp(np.arange(len(frequencies)), middles, np.arange(len(middles)))
    below = np.minimum(place.astype(int), max(len(middles) - 2, 0))
    above = np.minimum(below + 1, len(middles) - 1)
    weight = (place - below)[:, None]
    smooth = np.exp(levels[below] * (1 - weight) + levels[above] * weight)
    # White noise is the least there is.
    white = np.median(power[len(power) // 2 :], 0) / share
    floor: NDArray[np.float32] = np.maximum(smooth, white).astype(np.float32)
    return floor


def octave_median(power: Columns, place: int) -> Any:
    """Median over an octave to each side of a bin, at least four native bins: (columns,)."""
    reach = 4 * PADDING
    low = max(min(place // 2, place - reach), 1)
    high = max(2 * place, place + reach) + 1
    return np.median(power[low:high], axis=0)


def vertex(before: float, at: float, after: float) -> float:
    """Where a parabola through three neighbours has its top, in bins from the middle one."""
    curvature = before - 2 * at + after
    if not (at >= before and at >= after and curvature < 0):
        return 0.0
    return float(0.5 * (before - after) / curvature)


def prominent(values: Values, height: float, prominence: float) -> NDArray[np.intp]:
    """Bins of peaks that reach `height` and stand out by `prominence`, the highest first."""
    found, _ = signal.find_peaks(values, height=height, prominence=prominence, distance=2 * PADDING)
    return found[np.argsort(-values[found])]
