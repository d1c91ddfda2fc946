"""A temporal filter in a band, checked before the first frame, made into an operator.

The default is Butterworth of order 3, causal, because it works for every band and every clip on
every machine. It keeps 7 representations, whatever the band, where linear phase keeps hundreds for
a slow one (331 for 0.2 to 0.5 Hz at 30 frames per second), and forward-backward filtering and the
papers' ideal band keep the whole clip and read the video twice. What moves in the band grows by
alpha, with no lag at the band's centre, and what moves together stays together, as every pixel has
the same lag at the same frequency.

Order 3, because alpha multiplies what leaks as well. In a band of 1.5 to 2.5 Hz, at alpha 10, a
sway of 6 Hz comes out 1.9 times as large with order 1 and at 0.77 of its size with order 2 (the
papers' choice), whose leak is in antiphase; with order 3 it stays at 0.99, the leak being small
and a quarter period off, as it is far from any band. Each order more takes longer to settle:
half-way after 0.45 / width seconds with order 2, 0.64 with order 3, 0.83 with order 4.

The price is that settling, and a lag (or lead) of up to 3/8 of a period at the cut-offs. Where
timing between frequencies matters, take `LinearPhaseFir`, or `zero_phase` on a clip that fits.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

from magnify.errors import SettingsError
from magnify.temporal import filters
from magnify.temporal.operators import Fir, Iir, Operator
from magnify.temporal.passband import Passband
from magnify.temporal.spool import Storage
from magnify.temporal.whole_clip import IdealBand, WholeClip, ZeroPhase

FilterName = Literal["butterworth", "diff-iir", "fir"]

DEFAULT_ORDER = 3

SETTLED = 0.05
"""A filter counts as settled when its slowest transient is down to this."""

WEAK_GAIN = 0.7
"""A filter whose best gain is below this magnifies noticeably less than alpha."""


class TemporalFilter(ABC):
    """What to keep of a clip's change over time."""

    @abstractmethod
    def operator(self, storage: Storage) -> Operator:
        """A fresh operator for one clip; only whole-clip filters use the storage."""

    @abstractmethod
    def __str__(self) -> str:
        """What it is, with all that was chosen for the user."""

    @abstractmethod
    def warnings(self, frames: int | None) -> list[str]:
        """What the user should know for a clip of so many frames (None: not known)."""


@dataclass(frozen=True)
class Butterworth(TemporalFilter):
    """Causal, or forward and backward (`zero_phase`: no lag, -6 dB at the cut-offs)."""

    passband: Passband
    order: int = DEFAULT_ORDER
    zero_phase: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 10:
            raise SettingsError(f"filter order {self.order} must be 1 to 10")

    @property
    def sections(self) -> filters.Coefficients:
        band = self.passband
        return filters.butterworth(band.low, band.high, self.order, band.rate)

    def operator(self, storage: Storage) -> Operator:
        if self.zero_phase:
            return WholeClip(ZeroPhase(self.sections), storage)
        return Iir(self.sections)

    def __str__(self) -> str:
        phase = ", forward and backward" if self.zero_phase else ""
        return f"Butterworth of order {self.order}{phase}, {self.passband}"

    def warnings(self, frames: int | None) -> list[str]:
        return _unsettled(frames, self.sections)


@dataclass(frozen=True)
class DifferenceOfIir(TemporalFilter):
    """Two first-order low-passes subtracted, by their coefficients 0 <= r1 < r2 <= 1 (not Hz)."""

    r1: float
    r2: float

    def __post_init__(self) -> None:
        if not 0 <= self.r1 < self.r2 <= 1 or (self.r1, self.r2) == (0, 1):
            raise SettingsError(
                f"coefficients r1 {self.r1:g} and r2 {self.r2:g} must be 0 <= r1 < r2 <= 1, and "
                "not 0 and 1, which filter nothing"
            )

    @classmethod
    def in_band(cls, band: Passband) -> "DifferenceOfIir":
        """With the low-passes at -3 dB at the band's cut-offs."""
        return cls(
            0.0 if band.low is None else filters.lowpass_coefficient(band.low, band.rate),
            1.0 if band.high is None else filters.lowpass_coefficient(band.high, band.rate),
        )

    @property
    def sections(self) -> filters.Coefficients:
        return filters.difference_of_iir(self.r1, self.r2)

    def operator(self, storage: Storage) -> Operator:
        return Iir(self.sections)

    def __str__(self) -> str:
        return f"difference of IIR with coefficients {self.r1:.4g} and {self.r2:.4g}"

    def warnings(self, frames: int | None) -> list[str]:
        found = _unsettled(frames, self.sections)
        peak = filters.peak_gain(self.sections)
        if peak < WEAK_GAIN:
            found.append(
                f"this difference of IIR passes at most {peak:.0%} of the motion, so it is "
                "magnified by less than alpha; butterworth passes all of it"
            )
        return found


@dataclass(frozen=True)
class LinearPhaseFir(TemporalFilter):
    """No lag and no change of form; lags by half its taps, which stay in memory.

    `taps` is odd; None takes the fewest that resolve the band.
    """

    passband: Passband
    taps: int | None = None

    def __post_init__(self) -> None:
        if self.taps is None:
            return
        if self.taps % 2 == 0:
            raise SettingsError(
                f"{self.taps} taps: the number must be odd, such as {self.taps + 1}, for the "
                "motion to stay aligned with its frames"
            )
        if self.taps < self.passband.taps:
            raise SettingsError(
                f"{self.taps} taps cannot resolve {self.passband} at {self.passband.rate:g} "
                f"frames per second; {self.passband.taps} can"
            )

    @property
    def used_taps(self) -> int:
        return self.passband.taps if self.taps is None else self.taps

    def operator(self, storage: Storage) -> Operator:
        band = self.passband
        return Fir(filters.fir(band.low, band.high, self.used_taps, band.rate))

    def __str__(self) -> str:
        chosen = " (the fewest that resolve the band)" if self.taps is None else ""
        return f"linear-phase FIR, {self.used_taps} taps{chosen}, {self.passband}"

    def warnings(self, frames: int | None) -> list[str]:
        return _short_clip(frames, f"the filter spans {self.used_taps}", self.used_taps)


@dataclass(frozen=True)
class IdealBandpass(TemporalFilter):
    """The papers' band-pass: a linear-phase FIR with as many taps as the clip has frames."""

    passband: Passband

    def operator(self, storage: Storage) -> Operator:
        band = self.passband
        return WholeClip(IdealBand(band.low, band.high, band.rate), storage)

    def __str__(self) -> str:
        return f"linear-phase FIR with as many taps as frames, {self.passband}"

    def warnings(self, frames: int | None) -> list[str]:
        needed = self.passband.taps
        return _short_clip(frames, f"{self.passband} is resolved from {needed} on", needed)


def _unsettled(frames: int | None, sections: filters.Coefficients) -> list[str]:
    needed = filters.settling_frames(sections, SETTLED)
    return _short_clip(frames, f"the filter settles after {needed}", needed)


def _short_clip(frames: int | None, what: str, needed: int) -> list[str]:
    if frames is None or frames >= needed:
        return []
    return [
        f"the clip has {frames} frames, but {what}: its motion is magnified unevenly; a wider "
        "band or a longer clip helps"
    ]


def select_filter(
    name: FilterName = "butterworth",
    passband: Passband | None = None,
    *,
    order: int | None = None,
    taps: int | Literal["auto", "all"] | None = None,
    zero_phase: bool = False,
    coefficients: tuple[float, float] | None = None,
) -> TemporalFilter:
    """The filter that the options ask for; those left out take its defaults.

    `order` and `zero_phase` belong to butterworth, `taps` to fir, and `coefficients` (r1, r2),
    which take the passband's place, to diff-iir.

    Raises:
        SettingsError: unknown filter, no band, a value out of range, an option of another filter.
    """
    if name not in get_args(FilterName):
        raise SettingsError(f"unknown filter '{name}'; choose {', '.join(get_args(FilterName))}")
    _refuse_foreign(
        name,
        {
            "order": ("butterworth", order is not None),
            "zero-phase": ("butterworth", zero_phase),
            "taps": ("fir", taps is not None),
            "r1/r2": ("diff-iir", coefficients is not None),
        },
    )
    if coefficients is not None:
        if passband is not None:
            raise SettingsError("r1 and r2 take the band's place: give them, or a band in Hz")
        return DifferenceOfIir(*coefficients)
    if passband is None:
        raise SettingsError("a band needs a low or a high cut-off, in Hz")
    if name == "butterworth":
        return Butterworth(passband, DEFAULT_ORDER if order is None else order, zero_phase)
    if name == "diff-iir":
        return DifferenceOfIir.in_band(passband)
    if taps == "all":
        return IdealBandpass(passband)
    return LinearPhaseFir(passband, None if taps == "auto" else taps)


def _refuse_foreign(name: str, options: dict[str, tuple[str, bool]]) -> None:
    for option, (owner, given) in options.items():
        if given and owner != name:
            raise SettingsError(f"option {option} is for the filter {owner}, not for {name}")
