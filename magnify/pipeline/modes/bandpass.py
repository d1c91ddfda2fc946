"""Motion in a band of frequencies."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from magnify.errors import SettingsError
from magnify.messages import Message, Notify, warning
from magnify.pipeline.modes.frequency import (
    BAND,
    FILTER,
    FrequencyMode,
    MemoryBudget,
    SamplingRate,
)
from magnify.settings import Option
from magnify.temporal.passband import Passband, check_cutoffs
from magnify.temporal.settings import (
    DEFAULT,
    FilterChoice,
    TemporalFilter,
    parse_taps,
    select_filter,
)

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.alpha import Factor
    from magnify.pipeline.clips import Clip
    from magnify.temporal.operators import Operator

FILTER_OPTIONS = ("order", "taps", "zero_phase", "coefficients")
"""The options that belong to one kind of filter each."""


@dataclass(frozen=True)
class Bandpass(FrequencyMode):
    """Motion in a band of frequencies.

    Attributes:
        low, high: cut-offs in Hz of the sampling rate; either may be None.
        sampling_rate: frames a second that the camera recorded; None: the clip's own rate.
        filter: "butterworth" (of `order`, causal, or forward and backward with `zero_phase`),
            "diff-iir", or "fir" (with `taps`: a number, "auto" or "all"). "auto" is the one whose
            options are given; if none is, fir where memory holds its taps, else butterworth.
        coefficients: (r1, r2) of diff-iir as the authors' code takes them, instead of a band.
        memory_budget: bytes that filters which need the whole clip, or much of it, may use;
            None: a quarter of what is free. Beyond it a whole clip goes to a temporary file.
        notch: frequencies in Hz inside the band that are left out.
        attenuate_other: all motion outside the band is taken away, instead of left as it is.
    """

    low: Annotated[float | None, Option("Lower cut-off in Hz.", BAND)] = None
    high: Annotated[float | None, Option("Upper cut-off in Hz.", BAND)] = None
    filter: Annotated[
        FilterChoice,
        Option("The kind of filter; auto: fir where memory holds its taps.", FILTER),
    ] = "auto"
    order: Annotated[int | None, Option("Butterworth: order; default 3.", FILTER)] = None
    taps: Annotated[
        int | Literal["auto", "all"] | None,
        Option(
            "FIR: an odd number, auto, or all (as many as frames); default auto.",
            FILTER,
            parse=parse_taps,
            metavar="N|auto|all",
        ),
    ] = None
    zero_phase: Annotated[
        bool, Option("Butterworth: forward and backward over the clip, without lag.", FILTER)
    ] = False
    coefficients: tuple[float, float] | None = None
    sampling_rate: SamplingRate = None
    memory_budget: MemoryBudget = None
    notch: Annotated[
        tuple[float, ...],
        Option(
            "Leave out this frequency in Hz, such as that of flickering light; may be repeated.",
            BAND,
            many=True,
        ),
    ] = ()
    attenuate_other: Annotated[
        bool, Option("Take the motion outside the band away, instead of leaving it.", BAND)
    ] = False

    name = "bandpass"

    def __post_init__(self) -> None:
        if self.coefficients is None:
            check_cutoffs(self.low, self.high)
        elif self.low is not None or self.high is not None:
            raise SettingsError("r1 and r2 take the band's place: give them, or a band in Hz")
        elif self.notch:
            raise SettingsError("a notch in Hz needs a band in Hz, instead of r1 and r2")
        elif self.attenuate_other:
            raise SettingsError("--attenuate-other needs a band in Hz, instead of r1 and r2")
        self.check_budget()
        _ = self._filter  # checks its options

    @property
    def label(self) -> str:
        if self.coefficients is not None:
            return "r{:g}-{:g}".format(*self.coefficients)
        if self.low is None:
            band = f"below{self.high:g}Hz"
        else:
            band = f"above{self.low:g}Hz" if self.high is None else f"{self.low:g}-{self.high:g}Hz"
        band += "".join(f"-no{frequency:g}" for frequency in self.notch)
        kind = self._filter.name
        named = self.filter != "auto" or kind != DEFAULT
        band += f"-{kind}" * named + "-zero" * self.zero_phase
        return band + "-only" * self.attenuate_other

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {
            "name": self.name,
            "low": self.low,
            "high": self.high,
            "filter": self._filter.describe(self._band(clip)),
            "sampling_rate": self.rate(clip),
            "notch": list(self.notch),
            "attenuate_other": self.attenuate_other,
        }

    def check_alpha(self, alpha: "Factor") -> None:
        if not self.attenuate_other:
            return
        if not isinstance(alpha, float | int):
            raise SettingsError("--attenuate-other needs one factor; leave the curve out")
        if alpha == 1:
            raise SettingsError(
                "--attenuate-other takes its motion from what alpha adds, and an alpha of 1 adds "
                "none; choose another, such as 1.01"
            )

    def check(self, clip: "Clip", notify: Notify) -> None:
        for text in self._filter.warnings(self._band(clip), clip.count):
            notify(warning(text))
        self.check_rate(clip, notify)

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        from magnify.temporal.spool import Storage

        band = self._band(clip)
        if band is not None and self.attenuate_other and isinstance(alpha, float | int):
            # The model adds alpha - 1 times the motion: so the rest comes to 1 - 1 = 0 times its
            # size, and the band to alpha times.
            band = replace(band, outside=-1 / (alpha - 1))
        remedy = "--taps all (which can go to disk), --filter butterworth"
        budget = self.budget(self._filter.kept_frames(band), clip, network, remedy)
        storage = Storage(budget, frames=clip.count, announce=notify)
        return self._filter.operator(band, storage, network.model)

    def settled(self, clip: "Clip", network: "Network", notify: Notify) -> Self:
        if self.filter != "auto":
            return self
        need, budget = self.memory(self._filter.kept_frames(self._band(clip)), clip, network)
        if need <= budget or self.taps is not None:
            return replace(self, filter=self._filter.name)
        notify(
            Message(
                f"a linear-phase filter would keep {need / 1e9:.1f} GB in memory, and the budget "
                f"is {budget / 1e9:.1f} GB; a butterworth filter is taken, which lags and settles "
                "(--memory-budget, or --zero-phase, which uses a temporary file)"
            )
        )
        return replace(self, filter="butterworth")

    @cached_property
    def _filter(self) -> TemporalFilter:
        """The kind of filter; where that is left open, the one that the options given belong to."""
        options = {name: getattr(self, name) for name in FILTER_OPTIONS}
        return select_filter(None if self.filter == "auto" else self.filter, options)

    def _band(self, clip: "Clip") -> Passband | None:
        if not self._filter.needs_band:
            return None
        return Passband(self.low, self.high, self.rate(clip), self.notch)
