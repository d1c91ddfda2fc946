"""The frequencies at which something in a picture moves.

Two scores find them. The pooled spectrum, weighted by texture, finds what much of the picture
shares; the loudest few components, each over its own floor, find what is small.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.series import MotionSeries
from magnify.analysis.shapes import Shape, shape_at
from magnify.analysis.spectra import (
    PADDING,
    Spectra,
    amplitudes_at,
    octave_median,
    prominent,
    vertex,
)

Values: TypeAlias = NDArray[np.float64]

LEAST_POOLED_DB = 4.0
LEAST_SCORE = 3.0
LEAST_PROMINENCE = 0.6
"""Of the height that a peak needs, what it must rise above the valley beside it."""
LOUDEST_SHARE = 0.03
LEAST_LOUDEST = 4
LIVE_SNR = 6.0
"""Power over the floor of its octaves from which a component lives at a peak that much of the
picture shares."""
LIVE_LOUD_SNR = 12.0
"""The same where only the loudest components found the peak."""
REFINED_ON = 16
"""Components that fix a peak's exact frequency."""
ZOOM = np.linspace(-1, 1, 41)
"""Where around a peak it is looked for, in native bins."""
LEAST_PERIODS = 4
"""Periods in the clip from which a frequency can have harmonics that are told from it."""
HARMONICS = range(2, 6)


@dataclass(frozen=True)
class Scores:
    """How likely each frequency of `spectra` is one at which something moves.

    Attributes:
        amplitude: root of the pooled power, weighted by texture, in px.
        pooled: dB of the pooled power above the median of its octaves.
        loudest: dB of the loudest components' mean over their floor, above what is usual.
    """

    amplitude: Values
    pooled: Values
    loudest: Values


@dataclass(frozen=True)
class Peak:
    """A frequency at which something moves.

    Attributes:
        frequency: in Hz; `resolution` is what the duration can tell apart.
        score: dB by which it stands out more than a peak has to.
        harmonic_of: the frequency that it is a multiple of, if one was found.
        whole: nearly all of the picture moves as one.
        doubt: why it may be no motion, if it may.
    """

    frequency: float
    resolution: float
    score: float
    shape: Shape
    harmonic_of: float | None = None
    whole: bool = False
    doubt: str | None = None

    @property
    def amplitude(self) -> float:
        """Zero to peak, in px: the 95th percentile of the live blocks."""
        return self.shape.loudness


def scores(series: MotionSeries, spectra: Spectra, low: float, high: float) -> Scores:
    """The scores between two frequencies in Hz; elsewhere they are far below anything found."""
    pooled = spectra.power @ series.energy / series.energy.sum()
    floor = np.array([octave_median(pooled, place) for place in range(len(pooled))])
    ratio = -np.sort(-spectra.power / spectra.floor.clip(1e-14), axis=1)
    count = max(round(LOUDEST_SHARE * ratio.shape[1]), LEAST_LOUDEST)
    loudest = ratio[:, :count].mean(1)
    inside = (spectra.frequencies >= low) & (spectra.frequencies <= high)
    usual = np.median(loudest[inside]) if inside.any() else 1.0
    return Scores(
        np.sqrt(pooled),
        np.where(inside, _decibels(pooled / (floor + 1e-20)), -99.0),
        np.where(inside, _decibels(loudest / usual), -99.0),
    )


def _decibels(ratio: Values) -> Values:
    return 10 * np.log10(ratio + 1e-20)


def find_peaks(series: MotionSeries, spectra: Spectra, scored: Scores, most: int) -> list[Peak]:
    """The `most` peaks that stand out most; what moves most comes first, harmonics last."""
    found: list[_Candidate] = []
    least_loudest = float(_decibels(np.array(LEAST_SCORE)))
    for values, height, snr in (
        (scored.pooled, LEAST_POOLED_DB, LIVE_SNR),
        (scored.loudest, least_loudest, LIVE_LOUD_SNR),
    ):
        for place in prominent(values, height, height * LEAST_PROMINENCE):
            candidate = _Candidate(int(place), float(values[place]) - height, snr)
            near = [other for other in found if abs(other.place - place) <= PADDING]
            found = [other for other in found if other not in near]
            found.append(
                max([candidate, *near], key=lambda one: one.score)._replace(
                    least_snr=min(one.least_snr for one in [candidate, *near])
                )
            )
    found.sort(key=lambda one: -one.score)
    peaks = [peak for one in found if (peak := _peak(series, spectra, one)) is not None][:most]
    related = [_related(peak, peaks, series) for peak in peaks]
    return sorted(related, key=lambda peak: (peak.harmonic_of is not None, -peak.shape.extent))


class _Candidate(NamedTuple):
    """A bin, the dB by which it beats what it needed, and what a live component needs there."""

    place: int
    score: float
    least_snr: float


def _peak(series: MotionSeries, spectra: Spectra, candidate: _Candidate) -> Peak | None:
    power = spectra.power[candidate.place]
    noise = octave_median(spectra.power, candidate.place) / np.log(2)
    snr = np.asarray(power / (noise + 1e-14), float)
    frequency = _refined(series, spectra, candidate.place, snr)
    if frequency is None:
        return None
    shape = shape_at(series, spectra.segments, frequency, snr, candidate.least_snr)
    if shape is None:
        return None
    return Peak(frequency, spectra.segments.resolution, candidate.score, shape)


def _refined(series: MotionSeries, spectra: Spectra, place: int, snr: Values) -> float | None:
    """The frequency at which sinusoids fit the best components best; None on a mere slope."""
    some = np.sort(np.argsort(-snr)[:REFINED_ON])
    columns = np.asarray(series.along[:, some])
    asked = spectra.frequencies[place] + ZOOM * spectra.segments.resolution
    power = np.array(
        [(np.abs(amplitudes_at(columns, spectra.segments, f)) ** 2).sum() for f in asked]
    )
    top = int(power.argmax())
    if not 0 < top < len(asked) - 1:
        return None
    return float(asked[top] + vertex(*power[top - 1 : top + 2]) * (asked[1] - asked[0]))


def _related(peak: Peak, peaks: list[Peak], series: MotionSeries) -> Peak:
    fundamentals = [
        other.frequency
        for other in peaks
        if other.amplitude > peak.amplitude
        and other.frequency >= LEAST_PERIODS * peak.resolution
        and any(abs(peak.frequency - k * other.frequency) < peak.resolution for k in HARMONICS)
    ]
    return replace(
        peak,
        harmonic_of=min(fundamentals, default=None),
        whole=peak.shape.is_whole(len(np.unique(series.block))),
    )
