"""Temporal filters as settings: checked before the first frame, made into operators for a band.

The default is a linear-phase FIR with the fewest taps that resolve the band: what moves in the
band has no lag, and moves from the first frame on. Measured on tones with drift and a second tone,
as the error's RMS over the first and the middle third of 60 frames (a tone itself has .71), in
bands of 2 to 4 Hz at 30 frames a second and of 72 to 92 Hz at 600:

    FIR, edges held                          .14  .00        .20  .01
    Butterworth 1, forward and backward      .24  .02        .27  .05
    Butterworth 1, causal                    .28  .12        .37  .07
    Butterworth 3, causal                    .45  .23        .62  .22
    the same, the clip's start mirrored      .62  .24        .88  .27

It keeps as many shapes as taps (331 for 0.2 to 0.5 Hz at 30 frames a second). Where memory does not
hold these, a causal Butterworth keeps 7, whatever the band.

That one has order 3, because alpha multiplies what leaks as well. In a band of 1.5 to 2.5 Hz, at
alpha 10, a sway of 6 Hz comes out 1.9 times as large with order 1 and at 0.77 of its size with
order 2 (the papers' choice), whose leak is in antiphase; with order 3 it stays at 0.99. Each order
more takes longer to settle: half-way after 0.45 / width seconds with order 2, 0.64 with order 3.

Nothing here loads torch or SciPy until a filter is made: the command line reads these settings.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from magnify.errors import SettingsError
from magnify.messages import counted
from magnify.temporal.passband import Passband

if TYPE_CHECKING:
    from magnify.temporal.change import Differences
    from magnify.temporal.filters import Coefficients
    from magnify.temporal.operators import Operator
    from magnify.temporal.spool import Storage

FilterName = Literal["butterworth", "diff-iir", "fir"]
FilterChoice = Literal["auto", "butterworth", "diff-iir", "fir"]

DEFAULT_ORDER = 3

SETTLED = 0.05
"""A filter counts as settled when its slowest transient is down to this."""

WEAK_GAIN = 0.7
"""A filter whose best gain is below this magnifies noticeably less than alpha."""


class TemporalFilter(ABC):
    """What to keep of a clip's change over time, in any band.

    The fields of a filter are its options. `name` is what `--filter` calls it.
    """

    name: ClassVar[FilterName]
    needs_band: bool = True
    """Whether it filters in a band in Hz; if not, its options say all."""

    @abstractmethod
    def operator(
        self, band: Passband | None, storage: "Storage", differences: "Differences"
    ) -> "Operator":
        """A fresh operator for one clip; only whole-clip filters use the storage.

        Raises:
            SettingsError: the filter cannot keep that band.
        """

    @abstractmethod
    def describe(self, band: Passband | None) -> str:
        """What it is, with all that was chosen for the user."""

    @abstractmethod
    def warnings(self, band: Passband | None, frames: int | None) -> list[str]:
        """What the user should know for a clip of so many frames (None: not known)."""

    def kept_frames(self, band: Passband | None) -> int:
        """How many frames' shapes stay in memory for as long as it runs, if many."""
        return 0


@dataclass(frozen=True)
class Butterworth(TemporalFilter):
    """Causal, or forward and backward (`zero_phase`: no lag, -6 dB at the cut-offs)."""

    order: int = DEFAULT_ORDER
    zero_phase: bool = False

    name = "butterworth"

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 10:
            raise SettingsError(f"filter order {self.order} must be 1 to 10")

    def sections(self, band: Passband | None) -> "Coefficients":
        from magnify.temporal import filters

        band = _given(band)
        sections = filters.butterworth(band.low, band.high, self.order, band.rate)
        return filters.with_notches(sections, band.notches, band.rate)

    def operator(
        self, band: Passband | None, storage: "Storage", differences: "Differences"
    ) -> "Operator":
        from magnify.temporal.operators import Iir
        from magnify.temporal.whole_clip import WholeClip, ZeroPhase

        sections, outside = self.sections(band), _given(band).outside
        if self.zero_phase:
            return WholeClip(ZeroPhase(sections), storage, differences, outside)
        return Iir(sections, differences, outside)

    def describe(self, band: Passband | None) -> str:
        phase = ", forward and backward" if self.zero_phase else ""
        return f"Butterworth of order {self.order}{phase}, {band}"

    def warnings(self, band: Passband | None, frames: int | None) -> list[str]:
        return _unsettled(frames, self.sections(band))


@dataclass(frozen=True)
class DifferenceOfIir(TemporalFilter):
    """Two first-order low-passes subtracted, as the papers use them.

    `coefficients` are theirs, 0 <= r1 < r2 <= 1 (not Hz); None has the low-passes at -3 dB at
    the band's cut-offs.
    """

    coefficients: tuple[float, float] | None = None

    name = "diff-iir"

    def __post_init__(self) -> None:
        if self.coefficients is None:
            return
        r1, r2 = self.coefficients
        if not 0 <= r1 < r2 <= 1 or (r1, r2) == (0, 1):
            raise SettingsError(
                f"coefficients r1 {r1:g} and r2 {r2:g} must be 0 <= r1 < r2 <= 1, and "
                "not 0 and 1, which filter nothing"
            )

    @property
    def needs_band(self) -> bool:  # type: ignore[override]  # read only here
        return self.coefficients is None

    def used_coefficients(self, band: Passband | None) -> tuple[float, float]:
        from magnify.temporal import filters

        if self.coefficients is not None:
            return self.coefficients
        band = _given(band)
        return (
            0.0 if band.low is None else filters.lowpass_coefficient(band.low, band.rate),
            1.0 if band.high is None else filters.lowpass_coefficient(band.high, band.rate),
        )

    def sections(self, band: Passband | None) -> "Coefficients":
        from magnify.temporal import filters

        sections = filters.difference_of_iir(*self.used_coefficients(band))
        return filters.with_notches(sections, band.notches, band.rate) if band else sections

    def operator(
        self, band: Passband | None, storage: "Storage", differences: "Differences"
    ) -> "Operator":
        from magnify.temporal.operators import Iir

        return Iir(self.sections(band), differences, band.outside if band else 0.0)

    def describe(self, band: Passband | None) -> str:
        r1, r2 = self.used_coefficients(band)
        return f"difference of IIR with coefficients {r1:.4g} and {r2:.4g}"

    def warnings(self, band: Passband | None, frames: int | None) -> list[str]:
        from magnify.temporal import filters

        sections = self.sections(band)
        found = _unsettled(frames, sections)
        peak = filters.peak_gain(sections)
        if peak < WEAK_GAIN:
            found.append(
                f"this difference of IIR passes at most {peak:.0%} of the motion, so it is "
                "magnified by less than alpha; butterworth passes all of it"
            )
        return found


@dataclass(frozen=True)
class LinearPhaseFir(TemporalFilter):
    """No lag and no change of form; lags by half its taps, which stay in memory.

    `taps` is odd, "auto" (the fewest that resolve the band), or "all": the papers' ideal band, with
    as many taps as the clip has frames, which is read twice.
    """

    taps: int | Literal["auto", "all"] = "auto"

    name = "fir"

    def __post_init__(self) -> None:
        if isinstance(self.taps, int) and self.taps % 2 == 0:
            raise SettingsError(
                f"{self.taps} taps: the number must be odd, such as {self.taps + 1}, for the "
                "motion to stay aligned with its frames"
            )

    def used_taps(self, band: Passband) -> int:
        """How many taps are used.

        Raises:
            SettingsError: so few cannot resolve the band.
        """
        if not isinstance(self.taps, int):
            return band.taps
        if self.taps < band.taps:
            raise SettingsError(
                f"{self.taps} taps cannot resolve {band} at {band.rate:g} "
                f"frames per second; {band.taps} can"
            )
        return self.taps

    def operator(
        self, band: Passband | None, storage: "Storage", differences: "Differences"
    ) -> "Operator":
        from magnify.temporal import filters
        from magnify.temporal.operators import Fir
        from magnify.temporal.whole_clip import IdealBand, WholeClip

        band = _given(band)
        if self.taps == "all":
            ideal = IdealBand(band.low, band.high, band.rate, band.notches)
            return WholeClip(ideal, storage, differences, band.outside)
        taps = filters.fir(band.low, band.high, self.used_taps(band), band.rate, band.notches)
        return Fir(filters.with_outside(taps, band.outside), differences)

    def describe(self, band: Passband | None) -> str:
        band = _given(band)
        if self.taps == "all":
            return f"linear-phase FIR with as many taps as frames, {band}"
        chosen = " (the fewest that resolve the band)" if self.taps == "auto" else ""
        return f"linear-phase FIR, {self.used_taps(band)} taps{chosen}, {band}"

    def warnings(self, band: Passband | None, frames: int | None) -> list[str]:
        band = _given(band)
        needed = self.used_taps(band)
        if self.taps == "all":
            return _short_clip(frames, f"{band} is resolved from {needed} on", needed)
        return _short_clip(frames, f"the filter spans {needed}", needed)

    def kept_frames(self, band: Passband | None) -> int:
        return 0 if self.taps == "all" else self.used_taps(_given(band))


FILTERS: Mapping[str, type[TemporalFilter]] = {
    filter.name: filter for filter in (Butterworth, DifferenceOfIir, LinearPhaseFir)
}
"""Every filter that `--filter` takes."""

DEFAULT = LinearPhaseFir.name
"""Without lag, and right from the first frame on; where memory does not hold it, see `Bandpass`."""


def parse_taps(text: str) -> int | Literal["auto", "all"]:
    """An odd number, `auto` or `all`.

    Raises:
        SettingsError: the text is none of these.
    """
    if text == "auto":
        return "auto"
    if text == "all":
        return "all"
    if not re.fullmatch(r"\d{1,9}", text):
        raise SettingsError(f"'{text}' is no number of taps; use a number, auto or all")
    return int(text)


def select_filter(name: str | None, options: Mapping[str, Any]) -> TemporalFilter:
    """The filter of that name; options that are None, False or left out take its defaults.

    Without a name it is the filter that an option belongs to, and without options the default.

    Raises:
        SettingsError: unknown filter, a value out of range, an option of another filter.
    """
    given = {
        key: value for key, value in options.items() if value is not None and value is not False
    }
    owners = {
        field.name: found.name
        for found in FILTERS.values()
        for field in fields(found)  # type: ignore[arg-type]  # a dataclass
    }
    if name is None:
        name = next((owners[option] for option in given), DEFAULT)
    if name not in FILTERS:
        raise SettingsError(f"unknown filter '{name}'; choose {', '.join(FILTERS)}")
    for option in given:
        if owners[option] != name:
            shown = "r1/r2" if option == "coefficients" else option.replace("_", "-")
            raise SettingsError(
                f"option {shown} is for the filter {owners[option]}, not for {name}"
            )
    return FILTERS[name](**given)


def _given(band: Passband | None) -> Passband:
    assert band is not None, "a filter that needs a band is given one"
    return band


def _unsettled(frames: int | None, sections: "Coefficients") -> list[str]:
    from magnify.temporal import filters

    needed = filters.settling_frames(sections, SETTLED)
    return _short_clip(frames, f"the filter settles after {needed}", needed)


def _short_clip(frames: int | None, what: str, needed: int) -> list[str]:
    if frames is None or frames >= needed:
        return []
    return [
        f"the clip has {counted(frames, 'frame')}, but {what}: its motion is "
        "magnified unevenly; a wider band or a longer clip helps"
    ]
