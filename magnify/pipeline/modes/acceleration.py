"""Small motion of something that also moves far: its acceleration around a frequency."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from magnify.errors import SettingsError
from magnify.messages import Notify, counted, warning
from magnify.pipeline.modes.frequency import BAND, FrequencyMode, MemoryBudget, SamplingRate
from magnify.settings import Option

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.pipeline.clips import Clip
    from magnify.temporal.operators import Operator

WEIGHTING = "Large motion"

JERK_STRENGTH = 0.5
"""The exponent of the weight; the paper's clips have 0.3 to 0.8 (Takeda et al. 2018)."""

LEAST_FRAMES = 4
"""Frames a period at least: of fewer, the kernel is no second derivative any more."""


@dataclass(frozen=True)
class Acceleration(FrequencyMode):
    """What accelerates around a frequency; even motion, however large, stays as it is.

    Attributes:
        frequency: in Hz of the sampling rate, where the gain is alpha.
        jerk_aware: magnify less where the motion is abrupt.
        reach: leave out what moves farther than so many pixels within the kernel (bilateral).
        sampling_rate, memory_budget: as for the band-pass.
    """

    frequency: Annotated[float, Option("Where to magnify, in Hz.", BAND)]
    jerk_aware: Annotated[bool, Option("Magnify less where the motion is abrupt.", WEIGHTING)] = (
        False
    )
    reach: Annotated[
        float | None,
        Option(
            "Leave out what moves farther than so many pixels (bilateral).",
            WEIGHTING,
            metavar="PIXELS",
        ),
    ] = None
    sampling_rate: SamplingRate = None
    memory_budget: MemoryBudget = None

    name = "acceleration"

    def __post_init__(self) -> None:
        if not 0 < self.frequency < float("inf"):
            raise SettingsError(f"the frequency must be above 0 Hz, not {self.frequency:g}")
        if self.reach is not None and not 0 < self.reach < float("inf"):
            raise SettingsError(f"the reach must be above 0 pixels, not {self.reach:g}")
        if self.jerk_aware and self.reach is not None:
            raise SettingsError("--jerk-aware and --reach exclude each other; give one of them")
        self.check_budget()

    @property
    def label(self) -> str:
        weighting = "-jerk" * self.jerk_aware
        if self.reach is not None:
            weighting = f"-reach{self.reach:g}"
        return f"acceleration-{self.frequency:g}Hz{weighting}"

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {
            "name": self.name,
            "frequency": self.frequency,
            "jerk_aware": self.jerk_aware,
            "reach": self.reach,
            "sampling_rate": self.rate(clip),
        }

    def check(self, clip: "Clip", notify: Notify) -> None:
        from magnify.temporal import filters

        rate = self.rate(clip)
        if self.frequency * LEAST_FRAMES > rate:
            raise SettingsError(
                f"{self.frequency:g} Hz has {rate / self.frequency:.2g} frames a period at "
                f"{rate:g} frames a second, and acceleration needs {LEAST_FRAMES}; choose a "
                "lower frequency, or correct the sampling rate (--sampling-rate)"
            )
        self.check_rate(clip, notify)
        taps = len(filters.second_derivative(self.frequency, rate))
        if clip.count is not None and clip.count < taps:
            notify(
                warning(
                    f"the clip has {counted(clip.count, 'frame')}, but the kernel spans "
                    f"{taps}: its motion is magnified unevenly; a higher frequency or a longer "
                    "clip helps"
                )
            )

    @property
    def reference_frames(self) -> range:
        # The first frame tells how much a shape changes where it moves by a pixel.
        return range(1) if self.jerk_aware or self.reach is not None else range(0)

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: float,
        notify: Notify,
    ) -> "Operator":
        from magnify.temporal import acceleration, filters
        from magnify.temporal.operators import Fir

        rate = self.rate(clip)
        taps = filters.second_derivative(self.frequency, rate)
        self.budget(len(taps), clip, network, "a higher --frequency or a smaller video")
        if reference is None:
            return Fir(taps, network.model)
        pixel = network.change_per_pixel(reference)
        if self.reach is not None:
            return acceleration.Bilateral(taps, self.reach * pixel, network.model)
        jerk = filters.third_derivative(self.frequency, rate)
        return acceleration.JerkAware(taps, jerk, pixel, JERK_STRENGTH, network.model)
