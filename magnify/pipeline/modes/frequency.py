"""What the modes that know frequencies have in common: the camera's rate, and memory."""

import re
from typing import TYPE_CHECKING, Annotated

from magnify.errors import SettingsError
from magnify.messages import Message, Notify, warning
from magnify.pipeline.modes.base import Mode
from magnify.settings import Option

if TYPE_CHECKING:
    from magnify.engine.network import Network
    from magnify.pipeline.clips import Clip

NOTED_SLOWDOWN = 0.01
"""A sampling rate this far from the clip's own is no other way to write it."""

BAND = "Band"
FILTER = "Filter"
LEAST_BYTES = 1000
"""Of an amount of memory: fewer are a unit forgotten."""

UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


def parse_bytes(text: str) -> int:
    """A number of bytes, such as 500MB or 4G.

    Raises:
        SettingsError: the text is no amount.
    """
    match = re.fullmatch(r"(\d{1,15}\.?\d*|\.\d+) *([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise SettingsError(f"'{text}' is no amount of memory; write 500MB or 4GB")
    amount = int(float(match[1]) * UNITS[match[2]])
    if 0 < amount < LEAST_BYTES:
        raise SettingsError(f"'{text}' is {amount} bytes; write a unit, such as 500MB or 4GB")
    return amount


SamplingRate = Annotated[
    float | None,
    Option(
        "Frames a second that the camera recorded, if not those of the file: 600 for a "
        "600 fps recording stored at 30.",
        BAND,
    ),
]

MemoryBudget = Annotated[
    int | None,
    Option(
        "RAM for filters that need the whole clip, such as 4GB; beyond it they use a "
        "temporary file. Default: a quarter of what is free.",
        FILTER,
        parse=parse_bytes,
        metavar="SIZE",
    ),
]


class FrequencyMode(Mode):
    """A mode whose settings are frequencies in Hz of the sampling rate.

    Attributes:
        sampling_rate: frames a second that the camera recorded; None: the clip's own rate.
        memory_budget: bytes that filters which need the whole clip, or much of it, may use;
            None: a quarter of what is free. Beyond it a whole clip goes to a temporary file.
    """

    sampling_rate: SamplingRate
    memory_budget: MemoryBudget

    def check_budget(self) -> None:
        """Checks the memory budget, when the settings are made.

        Raises:
            SettingsError: it is none.
        """
        if self.memory_budget is not None and self.memory_budget < 1:
            raise SettingsError(f"the memory budget must be above 0, not {self.memory_budget}")

    def rate(self, clip: "Clip") -> float:
        """Frames a second that the camera recorded.

        Raises:
            SettingsError: neither the settings nor the clip say it.
        """
        rate = clip.rate if self.sampling_rate is None else self.sampling_rate
        if rate is None:
            raise SettingsError("the video does not say its frame rate; give --sampling-rate")
        return rate

    def check_rate(self, clip: "Clip", notify: Notify) -> None:
        """Warns of what the user should know of the rate that frequencies are measured in."""
        from magnify.video.info import NOTED_JITTER

        if self.sampling_rate is None and clip.jitter > NOTED_JITTER:
            notify(
                warning(
                    f"the frame rate varies (intervals stray by up to {clip.jitter:.0%}); "
                    "frequencies are taken at the mean rate of "
                    f"{self.rate(clip):g} frames a second"
                )
            )
        if self.sampling_rate is not None and clip.rate is not None:
            factor = self.sampling_rate / clip.rate
            if abs(factor - 1) > NOTED_SLOWDOWN:
                notify(
                    Message(
                        f"taken as recorded at {self.sampling_rate:g} frames a second; the file's "
                        f"own rate is {clip.rate:g}"
                    )
                )

    def memory(self, kept: int, clip: "Clip", network: "Network") -> tuple[int, int]:
        """The memory that a filter needs, and the memory that it may use, in bytes.

        `kept` is how many frames' motion stays in memory for as long as the filter runs.
        """
        from magnify.engine.runtime import available_memory

        budget = available_memory() // 4 if self.memory_budget is None else self.memory_budget
        # Half of the frames wait as pictures, of up to 6 bytes a pixel.
        pictures = kept // 2 * clip.height * clip.width * 6
        return kept * network.shape_bytes(clip.height, clip.width) + pictures, budget

    def budget(self, kept: int, clip: "Clip", network: "Network", remedy: str) -> int:
        """The memory that a filter may use, in bytes.

        Args:
            kept: how many frames' motion stays in memory for as long as the filter runs.
            remedy: what the user may do where that does not fit.

        Raises:
            SettingsError: so many frames do not fit.
        """
        need, budget = self.memory(kept, clip, network)
        if need > budget:
            raise SettingsError(
                f"{kept} taps keep {need / 1e9:.1f} GB of this clip in memory, and the "
                f"budget is {budget / 1e9:.1f} GB; use {remedy}, or a larger --memory-budget"
            )
        return budget
