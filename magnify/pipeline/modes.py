"""The modes: what counts as motion in a clip, as settings that make an operator for it.

Nothing here loads torch until an operator is made: the command line reads these settings.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from magnify.errors import SettingsError
from magnify.settings import Option, from_plain, to_plain
from magnify.temporal.passband import Passband, check_cutoffs
from magnify.temporal.settings import FilterName, TemporalFilter, select_filter

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.clips import Clip
    from magnify.temporal.operators import Operator

Notify = Callable[[str], None]
"""Takes what to tell the user, one line each."""

NOTED_SLOWDOWN = 0.01
"""A sampling rate this far from the clip's own is no other way to write it."""

BAND = "Band"
FILTER = "Filter"
UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


class Mode(ABC):
    """Settings of a mode, a frozen dataclass. `name` is what reports and jobs call it."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def label(self) -> str:
        """A short form of the settings, for names of files."""

    @abstractmethod
    def describe(self, clip: "Clip") -> dict[str, Any]:
        """The settings as plain data, with what follows from the clip, for reports."""

    def check(self, clip: "Clip") -> list[str]:
        """Warnings about this mode on that clip, one line each.

        Raises:
            SettingsError: the mode cannot work on the clip.
        """
        return []

    @property
    def reference_frames(self) -> range:
        """The frames whose mean `operator` takes as the reference; none if it needs none."""
        return range(0)

    @abstractmethod
    def operator(
        self, clip: "Clip", network: "Network", reference: "Tensor | None", notify: Notify
    ) -> "Operator":
        """A fresh operator for one pass over the clip.

        Args:
            reference: the mean of the `reference_frames`, a picture (1, H, W, 3), if it has any.
            notify: takes what to tell the user.

        Raises:
            SettingsError: the mode cannot work with this network's representation of the clip.
        """

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data; `mode_from_dict` takes them back."""
        return {"name": self.name, **to_plain(self)}


@dataclass(frozen=True)
class Static(Mode):
    """Motion since a reference: frame `index`, or the mean of `mean_of` frames from there on."""

    index: int = 0
    mean_of: int = 1

    name = "static"

    @property
    def label(self) -> str:
        if self.mean_of > 1:
            return f"static-mean{self.mean_of}"
        return f"static-{self.index}" if self.index else "static"

    @classmethod
    def parse(cls, reference: str) -> "Static":
        """From `first`, a frame's number (from 0), or `mean:N` for the mean of the first N.

        Raises:
            SettingsError: the text is none of these.
        """
        if reference == "first":
            return cls()
        if match := re.fullmatch(r"(mean:)?(\d{1,9})", reference):
            number = int(match[2])
            if not match[1]:
                return cls(index=number)
            if number > 0:
                return cls(mean_of=number)
        raise SettingsError(
            f"reference '{reference}' is not understood; use first, a frame's number, or mean:N"
        )

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {"name": self.name, "reference": self.index, "mean_of": self.mean_of}

    @property
    def reference_frames(self) -> range:
        # The first frame is the first that the operator is fed: nothing has to wait for it.
        first = self == Static()
        return range(0) if first else range(self.index, self.index + self.mean_of)

    def operator(
        self, clip: "Clip", network: "Network", reference: "Tensor | None", notify: Notify
    ) -> "Operator":
        from magnify.temporal import operators

        shape = None if reference is None else network.encode_shape(reference)
        return operators.SinceReference(shape, network.model)


@dataclass(frozen=True)
class Dynamic(Mode):
    """Motion since the previous frame."""

    name = "dynamic"
    label = "dynamic"

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {"name": self.name}

    def operator(
        self, clip: "Clip", network: "Network", reference: "Tensor | None", notify: Notify
    ) -> "Operator":
        from magnify.temporal import operators

        return operators.SincePrevious(network.model)


def parse_bytes(text: str) -> int:
    """A number of bytes, such as 500MB or 4G.

    Raises:
        SettingsError: the text is no amount.
    """
    match = re.fullmatch(r"(\d{1,15}\.?\d*|\.\d+) *([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise SettingsError(f"'{text}' is no amount of memory; write 500MB or 4GB")
    return int(float(match[1]) * UNITS[match[2]])


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


@dataclass(frozen=True)
class Bandpass(Mode):
    """Motion in a band of frequencies.

    Attributes:
        low, high: cut-offs in Hz of the sampling rate; either may be None.
        sampling_rate: frames a second that the camera recorded; None: the clip's own rate.
        filter: "butterworth" (of `order`, causal, or forward and backward with `zero_phase`),
            "diff-iir", or "fir" (with `taps`: a number, "auto" or "all").
        coefficients: (r1, r2) of diff-iir as the authors' code takes them, instead of a band.
        memory_budget: bytes that filters which need the whole clip, or much of it, may use;
            None: a quarter of what is free. Beyond it a whole clip goes to a temporary file.
    """

    low: Annotated[float | None, Option("Lower cut-off in Hz.", BAND)] = None
    high: Annotated[float | None, Option("Upper cut-off in Hz.", BAND)] = None
    filter: Annotated[FilterName, Option("The kind of filter.", FILTER)] = "butterworth"
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
    sampling_rate: Annotated[
        float | None,
        Option(
            "Frames a second that the camera recorded, if not those of the file: 600 for a "
            "600 fps recording stored at 30.",
            BAND,
        ),
    ] = None
    memory_budget: Annotated[
        int | None,
        Option(
            "RAM for filters that need the whole clip, such as 4GB; beyond it they use a "
            "temporary file. Default: a quarter of what is free.",
            FILTER,
            parse=parse_bytes,
            metavar="SIZE",
        ),
    ] = None

    name = "bandpass"

    def __post_init__(self) -> None:
        if self.coefficients is None:
            check_cutoffs(self.low, self.high)
        elif self.low is not None or self.high is not None:
            raise SettingsError("r1 and r2 take the band's place: give them, or a band in Hz")
        if self.memory_budget is not None and self.memory_budget < 1:
            raise SettingsError(f"the memory budget must be above 0, not {self.memory_budget}")
        _ = self._filter  # checks its options

    @property
    def label(self) -> str:
        if self.coefficients is not None:
            return "r{:g}-{:g}".format(*self.coefficients)
        if self.low is None:
            band = f"below{self.high:g}Hz"
        else:
            band = f"above{self.low:g}Hz" if self.high is None else f"{self.low:g}-{self.high:g}Hz"
        return band + f"-{self.filter}" * (self.filter != "butterworth") + "-zero" * self.zero_phase

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {
            "name": self.name,
            "low": self.low,
            "high": self.high,
            "filter": self._filter.describe(self._band(clip)),
            "sampling_rate": self._rate(clip),
        }

    def check(self, clip: "Clip") -> list[str]:
        from magnify.video.info import NOTED_JITTER

        found = self._filter.warnings(self._band(clip), clip.count)
        if self.sampling_rate is None and clip.jitter > NOTED_JITTER:
            found.append(
                f"the frame rate varies (intervals stray by up to {clip.jitter:.0%}); frequencies "
                f"are taken at the mean rate of {self._rate(clip):g} frames a second"
            )
        if self.sampling_rate is not None and clip.rate is not None:
            factor = self.sampling_rate / clip.rate
            if abs(factor - 1) > NOTED_SLOWDOWN:
                found.append(
                    f"taken as recorded at {self.sampling_rate:g} frames a second; the file's own "
                    f"rate is {clip.rate:g}"
                )
        return found

    def operator(
        self, clip: "Clip", network: "Network", reference: "Tensor | None", notify: Notify
    ) -> "Operator":
        from magnify.engine.runtime import available_memory
        from magnify.temporal.spool import Storage

        band = self._band(clip)
        budget = available_memory() // 4 if self.memory_budget is None else self.memory_budget
        self._check_memory(self._filter.kept_frames(band), clip, network, budget)
        storage = Storage(budget, frames=clip.count, announce=notify)
        return self._filter.operator(band, storage, network.model)

    @cached_property
    def _filter(self) -> TemporalFilter:
        options = ("order", "taps", "zero_phase", "coefficients")
        return select_filter(self.filter, {name: getattr(self, name) for name in options})

    def _band(self, clip: "Clip") -> Passband | None:
        if not self._filter.needs_band:
            return None
        return Passband(self.low, self.high, self._rate(clip))

    def _rate(self, clip: "Clip") -> float:
        rate = clip.rate if self.sampling_rate is None else self.sampling_rate
        if rate is None:
            raise SettingsError("the video does not say its frame rate; give --sampling-rate")
        return rate

    def _check_memory(self, kept: int, clip: "Clip", network: "Network", budget: int) -> None:
        # Half of the frames wait as pictures, of up to 6 bytes a pixel.
        need = kept * network.shape_bytes(clip.height, clip.width)
        need += kept // 2 * clip.height * clip.width * 6
        if need > budget:
            raise SettingsError(
                f"{kept} taps keep {need / 1e9:.1f} GB of this clip in memory, and the "
                f"budget is {budget / 1e9:.1f} GB; use --taps all (which can go to disk), "
                "--filter butterworth, or a larger --memory-budget"
            )


MODES: Mapping[str, type[Mode]] = {mode.name: mode for mode in (Static, Dynamic, Bandpass)}


def mode_from_dict(settings: Any) -> Mode:
    """The mode that `Mode.to_dict` described.

    Raises:
        SettingsError: there is no such mode, or it has no such setting.
    """
    values = dict(settings) if isinstance(settings, Mapping) else {}
    name = values.pop("name", None)
    if name not in MODES:
        raise SettingsError(f"unknown mode {name!r}; choose one of {', '.join(MODES)}")
    return from_plain(MODES[name], values)
