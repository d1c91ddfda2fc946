"""The modes: what counts as motion in a clip, as settings that make an operator for it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from magnify.engine.frames import padded
from magnify.engine.network import Network
from magnify.engine.runtime import available_memory
from magnify.errors import SettingsError
from magnify.pipeline.clips import Clip
from magnify.temporal.operators import Dynamic as DynamicOperator
from magnify.temporal.operators import Operator
from magnify.temporal.operators import Static as StaticOperator
from magnify.temporal.passband import Passband
from magnify.temporal.settings import (
    FilterName,
    LinearPhaseFir,
    TemporalFilter,
    select_filter,
)
from magnify.temporal.spool import Storage
from magnify.video.info import NOTED_JITTER

Notify = Callable[[str], None]

NOTED_SLOWDOWN = 0.01
"""A sampling rate this far from the clip's own is no other way to write it."""


class Mode(ABC):
    """Settings of a mode. `label` is its short form, for names of files."""

    @property
    @abstractmethod
    def label(self) -> str: ...

    @abstractmethod
    def describe(self, clip: Clip) -> dict[str, Any]:
        """The settings as plain data, with what follows from the clip, for reports."""

    def check(self, clip: Clip) -> list[str]:
        """Warnings about this mode on that clip, one line each.

        Raises:
            SettingsError: the mode cannot work on the clip.
        """
        return []

    @abstractmethod
    def operator(self, clip: Clip, network: Network, notify: Notify) -> Operator:
        """A fresh operator for one pass over the clip; `notify` takes what to tell the user.

        Raises:
            SettingsError: the mode cannot work with this network's representation of the clip.
        """


@dataclass(frozen=True)
class Static(Mode):
    """Motion since a reference: frame `index`, or the mean of `mean_of` frames from there on."""

    index: int = 0
    mean_of: int = 1

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

    def describe(self, clip: Clip) -> dict[str, Any]:
        return {"name": "static", "reference": self.index, "mean_of": self.mean_of}

    def operator(self, clip: Clip, network: Network, notify: Notify) -> Operator:
        total: NDArray[np.float64] = np.zeros((clip.height, clip.width, 3))
        count = 0
        # Closed here, not by the garbage collector, which would swallow a Ctrl-C meanwhile.
        with closing(clip.frames()) as frames:
            for count, frame in enumerate(frames, 1):
                if count > self.index:
                    total += frame.picture * (65535 / np.iinfo(frame.picture.dtype).max)
                if count == self.index + self.mean_of:
                    break
        if count < self.index + self.mean_of:
            wanted = f"frame {self.index}" if self.mean_of == 1 else f"{self.mean_of} frames"
            raise SettingsError(f"the reference needs {wanted}, but the clip has {count} frames")
        # 16 bits keep what the mean of 8-bit frames knows beyond its levels.
        mean = np.rint(total / self.mean_of).astype(np.uint16)
        return StaticOperator(network.encode_shape(torch.from_numpy(mean)[None]))


@dataclass(frozen=True)
class Dynamic(Mode):
    """Motion since the previous frame."""

    label = "dynamic"

    def describe(self, clip: Clip) -> dict[str, Any]:
        return {"name": "dynamic"}

    def operator(self, clip: Clip, network: Network, notify: Notify) -> Operator:
        return DynamicOperator()


@dataclass(frozen=True)
class Bandpass(Mode):
    """Motion in a band of frequencies.

    Attributes:
        low, high: cut-offs in Hz of the sampling rate; either may be None.
        filter: "butterworth" (of `order`, causal, or forward and backward with `zero_phase`),
            "diff-iir", or "fir" (with `taps`: a number, "auto" or "all").
        coefficients: (r1, r2) of diff-iir as the authors' code takes them, instead of a band.
        sampling_rate: frames a second that the camera recorded; None: the clip's own rate.
        memory_budget: bytes that filters which need the whole clip, or much of it, may use;
            None: a quarter of what is free. Beyond it a whole clip goes to a temporary file.
    """

    low: float | None = None
    high: float | None = None
    filter: FilterName = "butterworth"
    order: int | None = None
    taps: int | Literal["auto", "all"] | None = None
    zero_phase: bool = False
    coefficients: tuple[float, float] | None = None
    sampling_rate: float | None = None
    memory_budget: int | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None and self.coefficients is None:
            raise SettingsError("a band needs a low or a high cut-off in Hz, or a name")
        if self.memory_budget is not None and self.memory_budget < 1:
            raise SettingsError(f"the memory budget must be above 0, not {self.memory_budget}")

    @property
    def label(self) -> str:
        if self.coefficients is not None:
            return "r{:g}-{:g}".format(*self.coefficients)
        if self.low is None:
            band = f"below{self.high:g}Hz"
        else:
            band = f"above{self.low:g}Hz" if self.high is None else f"{self.low:g}-{self.high:g}Hz"
        return band + f"-{self.filter}" * (self.filter != "butterworth") + "-zero" * self.zero_phase

    def describe(self, clip: Clip) -> dict[str, Any]:
        return {
            "name": "bandpass",
            "low": self.low,
            "high": self.high,
            "filter": str(self._filter(clip)),
            "sampling_rate": self._rate(clip),
        }

    def check(self, clip: Clip) -> list[str]:
        found = self._filter(clip).warnings(clip.count)
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

    def operator(self, clip: Clip, network: Network, notify: Notify) -> Operator:
        chosen = self._filter(clip)
        budget = available_memory() // 4 if self.memory_budget is None else self.memory_budget
        if isinstance(chosen, LinearPhaseFir):
            self._check_memory(chosen, clip, network, budget)
        return chosen.operator(Storage(budget, frames=clip.count, announce=notify))

    def _filter(self, clip: Clip) -> TemporalFilter:
        band = None
        if self.coefficients is None or self.low is not None or self.high is not None:
            band = Passband(self.low, self.high, self._rate(clip))
        return select_filter(
            self.filter,
            band,
            order=self.order,
            taps=self.taps,
            zero_phase=self.zero_phase,
            coefficients=self.coefficients,
        )

    def _rate(self, clip: Clip) -> float:
        rate = clip.rate if self.sampling_rate is None else self.sampling_rate
        if rate is None:
            raise SettingsError("the video does not say its frame rate; give --sampling-rate")
        return rate

    def _check_memory(
        self, chosen: LinearPhaseFir, clip: Clip, network: Network, budget: int
    ) -> None:
        model = network.model
        pixels = padded(clip.height, model) * padded(clip.width, model) // model.shape_stride**2
        need = chosen.used_taps * model.shape_channels * pixels * torch.float32.itemsize
        # So many frames wait as pictures, of up to 6 bytes a pixel.
        need += chosen.used_taps // 2 * clip.height * clip.width * 6
        if need > budget:
            raise SettingsError(
                f"{chosen.used_taps} taps keep {need / 1e9:.1f} GB of this clip in memory, and the "
                f"budget is {budget / 1e9:.1f} GB; use --taps all (which can go to disk), "
                "--filter butterworth, or a larger --memory-budget"
            )
