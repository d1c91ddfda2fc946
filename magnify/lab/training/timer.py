"""Time that passes, and what was measured meanwhile."""

import time
from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Timer:
    """Seconds that a run has lasted, over all its resumptions."""

    before: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started


@dataclass
class Window:
    """The steps since the last report: sums of what each of them gave."""

    steps: int = 0
    samples: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)
    timer: Timer = field(default_factory=Timer)

    def add(self, values: dict[str, Tensor], samples: int) -> None:
        """Scalars, on whichever device; nothing waits for it until the means are asked for."""
        self.steps += 1
        self.samples += samples
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.double()

    def means(self) -> dict[str, float]:
        return {name: float(total) / self.steps for name, total in self.sums.items()}

    def samples_per_second(self) -> float:
        return self.samples / max(1e-9, self.timer.seconds)
