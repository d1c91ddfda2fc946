"""Small motion of something that also moves far: its acceleration around a frequency."""

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Self

from magnify.errors import SettingsError
from magnify.messages import Notify, counted, warning
from magnify.pipeline.modes.frequency import BAND, FrequencyMode, MemoryBudget, SamplingRate
from magnify.settings import Option

if TYPE_CHECKING:
    from torch import Tensor

    from magnify.engine.network import Network
    from magnify.models.base import Oriented
    from magnify.pipeline.alpha import Factor
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
        anisotropy: magnify less where no orientation of the motion prevails, as in noise.
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
    anisotropy: Annotated[
        bool,
        Option("steerable: magnify less where no orientation of the motion prevails.", WEIGHTING),
    ] = False
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
        weighting += "-anisotropy" * self.anisotropy
        return f"acceleration-{self.frequency:g}Hz{weighting}"

    def describe(self, clip: "Clip") -> dict[str, Any]:
        return {
            "name": self.name,
            "frequency": self.frequency,
            "jerk_aware": self.jerk_aware,
            "reach": self.reach,
            "anisotropy": self.anisotropy,
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

    def settled(self, clip: "Clip", network: "Network", notify: Notify) -> Self:
        if self.anisotropy:
            _oriented(network)
        return self

    @property
    def reference_frames(self) -> range:
        # The first frame tells how much a shape changes where it moves by a pixel.
        return range(1) if self.jerk_aware or self.reach is not None else range(0)

    def operator(
        self,
        clip: "Clip",
        network: "Network",
        reference: "Tensor | None",
        alpha: "Factor",
        notify: Notify,
    ) -> "Operator":
        from magnify.engine.frames import padded
        from magnify.temporal.anisotropic import Anisotropic

        inner = self._unweighted(clip, network, reference)
        if not self.anisotropy:
            return inner
        height, width = (padded(side, network.model) for side in (clip.height, clip.width))
        anisotropy = partial(_oriented(network).anisotropy, height=height, width=width)
        return Anisotropic(inner, self._anisotropy_frames(clip), anisotropy)

    def _anisotropy_frames(self, clip: "Clip") -> int:
        """A quarter of a period, as an odd number of frames; 0 if it is not asked for."""
        quarter = self.rate(clip) / (4 * self.frequency)
        return 2 * math.ceil(quarter / 2) + 1 if self.anisotropy else 0

    def _unweighted(
        self, clip: "Clip", network: "Network", reference: "Tensor | None"
    ) -> "Operator":
        """The operator before the weighting by anisotropy."""
        from magnify.temporal import acceleration, filters
        from magnify.temporal.operators import Fir

        rate = self.rate(clip)
        taps = filters.second_derivative(self.frequency, rate)
        kept = len(taps) + 3 * self._anisotropy_frames(clip)
        kept += len(taps) * self.anisotropy  # shapes of half as many frames, in two numbers each
        self.budget(kept, clip, network, "a higher --frequency or a smaller video")
        if reference is None:
            return Fir(taps, network.model)
        pixel = network.change_per_pixel(reference)
        if self.reach is not None:
            return acceleration.Bilateral(taps, self.reach * pixel, network.model)
        jerk = filters.third_derivative(self.frequency, rate)
        return acceleration.JerkAware(taps, jerk, pixel, JERK_STRENGTH, network.model)


def _oriented(network: "Network") -> "Oriented":
    from magnify.checkpoints import MODELS, model_class
    from magnify.models.base import Oriented

    model = network.model
    if not isinstance(model, Oriented):
        able = [name for name in MODELS if issubclass(model_class(name), Oriented)]
        raise SettingsError(
            f"--anisotropy compares orientations, which {model.name} does not tell apart; leave it "
            f"out, or use --model {' or '.join(able)}"
        )
    return model
