"""A band in Hz and a filter, checked before the first frame, made into an operator.

Butterworth of order 2, causal, is the default. It needs five representations of memory whatever
the band, while a linear phase costs hundreds for a slow one (331 for 0.2 to 0.5 Hz at 30 frames
per second), and forward-backward filtering or the papers' ideal band cost the whole clip and a
second reading of the video; so it is the one that works for every clip on every machine, and in
a stream. Its gain is flat in the band, it does not delay the band's centre, and it delays what
moves together together. The price: about 1/width seconds (width in Hz) until it has settled, up
to a quarter period of lag at the cut-offs, and a gentle slope. Where strong motion lies within a
factor of three of the band, take a higher order or `LinearPhaseFir`; where timing is measured,
`LinearPhaseFir` or `zero_phase`.
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

SETTLED = 0.05
"""A filter counts as settled when its slowest transient is down to this."""

WEAK_GAIN = 0.7
"""A filter whose best gain is below this magnifies noticeably less than alpha."""


class TemporalFilter(ABC):
    """What to keep of a clip's change over time."""

    @property
    def whole_clip(self) -> bool:
        """Needs every frame before it gives the first, and a second reading of the video."""
        return False

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
    order: int = 2
    zero_phase: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 10:
            raise SettingsError(f"filter order {self.order} must be 1 to 10")

    @property
    def whole_clip(self) -> bool:
        return self.zero_phase

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
        return _short_clip(frames, filters.settling_frames(self.sections, SETTLED), "settles after")


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
        found = _short_clip(
            frames, filters.settling_frames(self.sections, SETTLED), "settles after"
        )
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
        return _short_clip(frames, self.used_taps, "spans")


@dataclass(frozen=True)
class IdealBandpass(TemporalFilter):
    """The papers' band-pass: a linear-phase FIR with as many taps as the clip has frames."""

    passband: Passband

    @property
    def whole_clip(self) -> bool:
        return True

    def operator(self, storage: Storage) -> Operator:
        band = self.passband
        return WholeClip(IdealBand(band.low, band.high, band.rate), storage)

    def __str__(self) -> str:
        return f"linear-phase FIR with as many taps as frames, {self.passband}"

    def warnings(self, frames: int | None) -> list[str]:
        return _short_clip(frames, self.passband.taps, f"resolves {self.passband} from")


def _short_clip(frames: int | None, needed: int, verb: str) -> list[str]:
    if frames is None or frames >= needed:
        return []
    return [
        f"the clip has {frames} frames, but the filter {verb} {needed}: motion near the clip's "
        "ends is magnified less; a longer clip or a wider band helps"
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
        return Butterworth(passband, 2 if order is None else order, zero_phase)
    if name == "diff-iir":
        return DifferenceOfIir.in_band(passband)
    if taps == "all":
        return IdealBandpass(passband)
    return LinearPhaseFir(passband, None if taps == "auto" else taps)


def _refuse_foreign(name: str, options: dict[str, tuple[str, bool]]) -> None:
    for option, (owner, given) in options.items():
        if given and owner != name:
            raise SettingsError(f"option {option} is for the filter {owner}, not for {name}")
