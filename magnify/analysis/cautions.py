"""What may make an analysis wrong, said before its numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.peaks import Peak
from magnify.analysis.recording import UNEVEN
from magnify.analysis.series import MotionSeries
from magnify.analysis.spectra import Segments, Spectra, octave_median, spectra, vertex
from magnify.motion.blocks import REACH
from magnify.motion.copies import REPEAT_RATIO

Severity: TypeAlias = Literal["note", "warning"]
Values: TypeAlias = NDArray[np.float64]

COPIED_NOTE, COPIED_WARNING = 0.3, 0.5
"""Share of textured cells that are copies: motion below 0.2 px is halved, or gone."""
MISSING_BELOW = 0.2
FLICKER_RATIO = 10.0
FAINTEST = 1e-6
FLICKER_SHARE = 1e-3
"""Of the mean brightness."""
MAINS = (100.0, 120.0)
LOOKED_AT = 256
"""Frames of a clip that tell how far things move, at most."""
SWAY = 0.05
DRIFT = 1.0
CLIPPED = 0.02
FEW_PERIODS = 4.0
NEAR_NYQUIST = 0.9
CODEC_FRACTIONS = (2, 3, 4, 8)
"""Encoders make patterns of so many frames."""
CODEC_WIDTH = 0.25
"""Native bins: such a pattern has its frequency exactly, other motion only by chance."""
CUT_RATIO, CUT_LEVELS = 8.0, 4.0
"""Times the usual change, and mean grey levels: key frames of a calm clip change less."""
COMBED = 0.8
DARK = 12.0
"""Mean grey levels, of 255: noise is as large as what is seen."""
MAGNIFIED = re.compile(r"magnify [\d.]+\S*: .*, alpha ")
"""What a magnified file's comment begins with."""
ORDINARY_RATES = (23.9, 60.1)


@dataclass(frozen=True)
class Caution:
    """One thing that may mislead.

    Attributes:
        code: a short name that stays the same.
        severity: a warning makes numbers wrong; a note may.
        text: one line for people.
        value: what was measured; `threshold`: from where on it is said.
    """

    code: str
    severity: Severity
    text: str
    value: float
    threshold: float


@dataclass(frozen=True)
class Brightness:
    """How the light on everything varies: share of its mean, zero to peak, over Hz."""

    frequencies: Values
    share: Values

    @classmethod
    def of(cls, series: MotionSeries, segments: Segments, lowest: float) -> "Brightness":
        return cls.of_light(series.light, segments, lowest)

    @classmethod
    def of_light(cls, light: Values, segments: Segments, lowest: float) -> "Brightness":
        """From the light of each frame relative to its mean, (T,)."""
        found = spectra(light[:, None], segments, lowest)
        share = np.sqrt(found.power[:, 0].astype(float))
        return cls(found.frequencies, np.where(found.frequencies >= lowest, share, 0.0))

    @property
    def line(self) -> tuple[float, float, float]:
        """What stands out most: its frequency, its share, and that over its octaves' median."""
        usual = np.array([octave_median(self.share, place) for place in range(len(self.share))])
        ratio = self.share / usual.clip(FAINTEST)
        place = int(np.where(self.share > FLICKER_SHARE, ratio, 0).argmax())
        beside = np.log(self.share[max(place - 1, 0) : place + 2].clip(FAINTEST))
        offset = vertex(*beside) if len(beside) == 3 else 0.0
        frequency = self.frequencies[place] + offset * self.frequencies[1]
        return float(frequency), float(self.share[place]), float(ratio[place])

    @property
    def flickers(self) -> bool:
        _, share, ratio = self.line
        return share > FLICKER_SHARE and ratio > FLICKER_RATIO


def doubted(peaks: list[Peak], series: MotionSeries, brightness: Brightness) -> list[Peak]:
    """The peaks, each with the reason why it may be no motion; those with one go last."""

    def reason(peak: Peak) -> str | None:
        if brightness.flickers and abs(peak.frequency - brightness.line[0]) < peak.resolution:
            return "light"
        for fraction in CODEC_FRACTIONS:
            if abs(peak.frequency - series.rate / fraction) < CODEC_WIDTH * peak.resolution:
                return "codec"
        return "alias" if peak.frequency > NEAR_NYQUIST * series.nyquist else None

    marked = [replace(peak, doubt=reason(peak)) for peak in peaks]
    return sorted(marked, key=lambda peak: peak.doubt is not None)


def find_cautions(
    series: MotionSeries,
    found: Spectra,
    brightness: Brightness,
    peaks: list[Peak],
    *,
    stated: bool,
    interlaced: bool,
    comment: str | None,
) -> list[Caution]:
    """Everything that may mislead, warnings first.

    Args:
        peaks: as `doubted` gives them.
        stated: the user gave the sampling rate.
        interlaced: the file says that its frames are made of two fields.
        comment: the file's, in which magnified ones say how they were made.
    """
    cautions = [
        *_of_the_origin(comment),
        *_of_the_file(series, stated, interlaced),
        *_of_the_picture(series),
        *_of_the_motion(series),
        *_of_the_light(brightness, found.segments.resolution),
        *_of_the_peaks(series, peaks),
    ]
    return sorted(cautions, key=lambda caution: caution.severity != "warning")


Cautions: TypeAlias = Iterator[Caution]


def _of_the_origin(comment: str | None) -> Cautions:
    if comment is not None and MAGNIFIED.match(comment):
        text = "this clip was magnified already, so it shows a model's motion; measure the original"
        yield Caution("magnified", "warning", text, 1, 0)


def _of_the_file(series: MotionSeries, stated: bool, interlaced: bool) -> Cautions:
    if interlaced:
        text = (
            "frames hold two half pictures of different times, which look like motion up and down; "
            "make full ones first: ffmpeg -i IN -vf bwdif OUT"
        )
        yield Caution("interlaced", "warning", text, 1, 0)
    copied = float(np.nanmean(series.copied[1:])) if not np.isnan(series.copied).all() else 0.0
    if copied > COPIED_NOTE:
        missing = f"motion below about {MISSING_BELOW:g} px is missing"
        severe = copied > COPIED_WARNING
        text = f"{copied:.0%} of the textured 8x8 blocks are copies of the frame before; " + (
            missing if severe else f"some {missing}"
        )
        threshold = COPIED_WARNING if severe else COPIED_NOTE
        yield Caution("copied-blocks", "warning" if severe else "note", text, copied, threshold)
    if series.repetition is not None:
        repetition = series.repetition
        every = repetition.period / (repetition.period - len(repetition.repeats))
        count = len(repetition.repeats)
        verb = "repeats" if count == 1 else "repeat"
        text = (
            f"{count} of every {repetition.period} frames {verb} the one before; "
            f"each picture counts once, {series.rate:g} a second. If the camera took another "
            f"number, give --sampling-rate {every:.3g} times that"
        )
        yield Caution("doubled-frames", "warning", text, repetition.ratio, REPEAT_RATIO)
    if series.jitter > UNEVEN:
        text = (
            f"frames come unevenly ({series.jitter:.0%}); sinusoids were fitted at the true times"
        )
        yield Caution("uneven", "note", text, series.jitter, UNEVEN)
    if not stated and ORDINARY_RATES[0] <= series.rate <= ORDINARY_RATES[1]:
        text = f"frequencies assume {series.rate:g} frames a second, as the file says"
        yield Caution("rate", "note", text, series.rate, ORDINARY_RATES[0])


def _of_the_picture(series: MotionSeries) -> Cautions:
    clipped = float(series.clipped.mean())
    if clipped > CLIPPED:
        text = f"{clipped:.0%} of the picture is black or white; nothing is seen to move there"
        yield Caution("clipped", "note", text, clipped, CLIPPED)
    level = float(series.brightness.mean())
    if level < DARK:
        text = f"the picture is dark ({level:.0f} of 255 levels), and noise hides small motion"
        yield Caution("dark", "note", text, level, DARK)
    usual = float(np.median(series.difference[1:]))
    strongest = int(series.difference[1:].argmax()) + 1
    ratio = float(series.difference[strongest]) / max(usual, 1e-6)
    if ratio > CUT_RATIO and series.difference[strongest] > CUT_LEVELS:
        text = f"the picture changes suddenly at frame {strongest}; analyse before or after it"
        yield Caution("scene-cut", "warning", text, ratio, CUT_RATIO)


def _of_the_motion(series: MotionSeries) -> Cautions:
    drift = float(np.abs(_ends(series.common)).max())
    if drift > DRIFT:
        text = f"the picture drifts by {drift:.1f} px; fasten the camera or give --stabilise-on"
        yield Caution("drift", "note", text, drift, DRIFT)
    sway = float(np.hypot(*series.common.std(axis=0)))
    if sway > SWAY:
        text = (
            f"most of the picture moves together, by {sway:.2f} px RMS: camera or subject, the "
            "picture alone cannot tell"
        )
        yield Caution("sway", "note", text, sway, SWAY)
    some = series.along[:: max(len(series.along) // LOOKED_AT, 1)]
    farthest = float(np.quantile(np.abs(some), 0.95))
    if farthest > REACH / 2:
        text = f"motion of {farthest:.1f} px is more than blocks can follow; amplitudes are too low"
        yield Caution("too-large", "warning", text, farthest, REACH / 2)


def _ends(common: Values) -> Values:
    """How far the last tenth of the frames is from the first."""
    tenth = max(len(common) // 10, 1)
    ends: Values = common[-tenth:].mean(0) - common[:tenth].mean(0)
    return ends


def _of_the_light(brightness: Brightness, resolution: float) -> Cautions:
    if not brightness.flickers:
        return
    frequency, share, ratio = brightness.line
    rate = 2 * float(brightness.frequencies[-1])
    mains = [m for m in MAINS if abs(abs(m - rate * round(m / rate)) - frequency) < resolution]
    names = f", as lights on {mains[0] / 2:g} Hz mains do" if mains else ""
    text = f"the brightness flickers at {frequency:.4g} Hz by {share:.2%}{names}"
    yield Caution("flicker", "note", text, ratio, FLICKER_RATIO)


def _of_the_peaks(series: MotionSeries, peaks: list[Peak]) -> Cautions:
    codes = {"light": "flicker-peak", "codec": "codec-line", "alias": "near-nyquist"}
    for peak in peaks:
        if peak.doubt is None:
            continue
        below, above = series.rate - peak.frequency, series.rate + peak.frequency
        text = {
            "light": "is the light's, not a motion's",
            "codec": f"is {series.rate:g} / {round(series.rate / peak.frequency)} Hz: perhaps a "
            "pattern of the encoder's, not motion",
            "alias": f"is near half the frame rate: it may be {below:.4g} or {above:.4g} Hz; film "
            "faster",
        }[peak.doubt]
        yield Caution(
            codes[peak.doubt],
            "note",
            f"{peak.frequency:.4g} Hz {text}",
            peak.frequency,
            NEAR_NYQUIST * series.nyquist,
        )
    short = [peak.frequency for peak in peaks if peak.frequency * series.duration < FEW_PERIODS]
    if short:
        text = (
            f"{', '.join(f'{f:.3g}' for f in short)} Hz had fewer than 4 periods in "
            f"{series.duration:.3g} s: known only within {1 / series.duration:.2g} Hz"
        )
        yield Caution("short", "note", text, min(short) * series.duration, FEW_PERIODS)
