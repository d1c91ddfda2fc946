"""Plans how a run unfolds: its length, its learning rate, what its batches look like."""

import math
from dataclasses import dataclass
from typing import Literal

from magnify.errors import SettingsError
from magnify.lab.synthesis import BatchSettings

LAST_RATE = 0.03
"""The learning rate falls to this share of the highest."""


@dataclass(frozen=True)
class Plan:
    """The length of a run and the course of everything that changes during it.

    Attributes:
        steps: how many optimiser steps; or None.
        minutes: how long; or None. Exactly one of the two is given.
        rate: the highest learning rate.
        warmup: steps of linear growth to it; a cosine takes it down again to the end.
        batch, crop: pairs in a batch (on each device), and their size in pixels.
        motion: longest magnified motion in pixels; None for a fifth of the crop, at most 30: what
            moves farther leaves small crops, and networks answer it with blur.
        alpha: the smallest and the largest magnification factor.
        input_motion: longest motion in the query, in pixels.
        degraded: how many of the pairs that are degraded by default are, 0 to 1.
        curriculum: start with half the motion, alpha to its power 2/3 and no degradation, all
            growing to the whole over the first 40 %, and take crops a third larger, in batches a
            quarter smaller, for the second half.
    """

    steps: int | None
    minutes: float | None
    rate: float
    warmup: int = 100
    batch: int = 4
    crop: int = 96
    motion: float | None = None
    alpha: tuple[float, float] = (1.0, 100.0)
    input_motion: float = 10.0
    degraded: float = 1.0
    curriculum: bool = False

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise SettingsError("give the length of the run either in steps or in minutes")
        length = self.minutes if self.steps is None else self.steps
        if length is None or not 0 < length < math.inf:
            raise SettingsError(f"a run of {length} steps or minutes: choose more than 0")
        if not 0 < self.rate < math.inf:
            raise SettingsError(f"a learning rate of {self.rate:g}: choose a finite one above 0")
        if self.crop < 16 or self.crop % 8:
            raise SettingsError(
                f"crop {self.crop}: choose a multiple of 8 pixels that is at least 16"
            )
        if self.alpha[0] > self.alpha[1]:
            raise SettingsError(
                f"the smallest alpha ({self.alpha[0]:g}) is above the largest ({self.alpha[1]:g})"
            )
        if self.batch < 1:
            raise SettingsError(f"batch {self.batch}: choose at least 1")

    def progress(self, step: int, seconds: float) -> float:
        """Says how much of the run is over, 0 to 1, after `step` steps in `seconds`."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, seconds / (60 * self.minutes))

    def learning_rate(self, step: int, progress: float) -> float:
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return self.rate * warm * (LAST_RATE + (1 - LAST_RATE) * cosine)

    def batch_settings(self, progress: float) -> BatchSettings:
        motion = min(30.0, self.crop / 5) if self.motion is None else self.motion
        if not self.curriculum:
            return BatchSettings(
                self.batch, self.crop, motion, self.degraded, self.alpha, self.input_motion
            )
        grown = min(1.0, progress / 0.4)
        motion *= (1 + grown) / 2
        batch, crop = self.batch, self.crop
        if progress >= 0.5:
            batch, crop = max(1, batch * 3 // 4), crop * 4 // 3 // 8 * 8
        lowest, highest = self.alpha
        alpha = (lowest, max(lowest, highest ** ((2 + grown) / 3)))
        return BatchSettings(batch, crop, motion, grown * self.degraded, alpha, self.input_motion)


@dataclass(frozen=True)
class RunSettings:
    """How a run computes, and how often it reports and saves.

    Attributes:
        precision: fp32, or bf16 in an autocast.
        compile: pass the objective through torch.compile, instead of recording it on a GPU.
        decay: of the weights' moving average.
        log_steps: steps between two rows of metrics.
        save_minutes: a kill loses no more than this.
        sheet_minutes: between two validations.
    """

    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    decay: float = 0.999
    log_steps: int = 100
    save_minutes: float = 3.0
    sheet_minutes: float = 10.0
