"""Small motion inside large motion: what accelerates around a frequency, weighted against the rest.

Whatever moves evenly, however far, has no second derivative (Zhang et al., CVPR 2017). `Fir` with
those taps keeps the rest; the operators here also weigh it, frame by frame, so that an abrupt large
motion does not ring.
"""

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from magnify.temporal.change import PLAIN, Differences, SinceFirst, State
from magnify.temporal.filters import Coefficients
from magnify.temporal.operators import Operator


class Windowed(Operator):
    """An operator that looks at a window of N frames (odd) around each, both edges held.

    Memory: N changes since the first frame, in float32.
    """

    def __init__(self, frames: int, differences: Differences = PLAIN) -> None:
        self.frames = frames
        self.delay: int = frames // 2
        self.look_back = self.look_ahead = self.delay
        self.remembers_all = differences.cumulative
        self.since_first = SinceFirst(differences)
        self.window: Tensor | None = None
        self.fed = 0

    @abstractmethod
    def motion(self, window: Tensor) -> Tensor:
        """The window's changes (N, C, h, w) → the motion of its middle frame, (C, h, w)."""

    def feed(self, shape: Tensor) -> Tensor:
        return self._advanced(self.since_first(shape))

    def flush(self) -> Iterator[Tensor]:
        if self.window is None:
            return
        for _ in range(self.delay):
            motion = self._advanced(self.window[-1:])
            if len(motion):
                yield motion

    def state(self) -> State:
        return self.since_first.state()

    def restore(self, state: State) -> None:
        self.since_first.restore(state)

    def _advanced(self, change: Tensor) -> Tensor:
        """Change (T, C, h, w) of the next T frames → motion (T', C, h, w) of those now ready."""
        if self.window is None:
            # Zeros stand for the held first frame, from which all change is counted.
            self.window = change.new_zeros(self.frames, *change.shape[1:])
        ready = []
        for frame in change:
            self.window = torch.cat((self.window[1:], frame[None]))
            self.fed += 1
            if self.fed > self.delay:
                ready.append(self.motion(self.window))
        return torch.stack(ready) if ready else change[:0]


class Bilateral(Windowed):
    """The taps weighted by how near each change is to the middle frame's (Takeda et al. 2022).

    m(t) = Σ k(τ) · g(d) · d, where d = φ(t + τ) - φ(t) and g(d) = exp(-d² / 2s²): motion beyond
    the reach s is no small motion, and is left out. `taps` sum to 0; `reach` (C, 1, 1) or
    (C, h, w) is the s of each number of the shape.
    """

    def __init__(self, taps: Coefficients, reach: Tensor, differences: Differences = PLAIN) -> None:
        super().__init__(len(taps), differences)
        self.taps = torch.from_numpy(taps).float()
        self.reach = reach

    def motion(self, window: Tensor) -> Tensor:
        away = window - window[self.delay]
        near = torch.exp(-(away**2) / (2 * self.reach**2))
        # The kernel is turned round in time, as in every filter; it is symmetric all the same.
        taps = self.taps.flip(0).to(window.device)
        motion: Tensor = torch.tensordot(taps, near * away, dims=1)
        return motion


class JerkAware(Windowed):
    """Acceleration, less of it where the motion is abrupt (Takeda et al., CVPR 2018).

    m = acceleration · (1 - |jerk| / max |jerk|)^strength, with jerk the third derivative at the
    same frequency, in pixels. The paper's maximum is the whole clip's; here it is the largest so
    far, so that frames stream. `scale` is how much each number of the shape changes by a pixel.
    """

    divisible = False  # the largest jerk so far depends on all frames

    def __init__(
        self,
        taps: Coefficients,
        jerk_taps: Coefficients,
        scale: Tensor,
        strength: float,
        differences: Differences = PLAIN,
    ) -> None:
        super().__init__(len(taps), differences)
        self.taps = torch.from_numpy(taps).float().flip(0)
        self.jerk_taps = torch.from_numpy(jerk_taps).float().flip(0)
        self.scale = scale
        self.strength = strength
        self.largest: Tensor | None = None

    def motion(self, window: Tensor) -> Tensor:
        acceleration = torch.tensordot(self.taps.to(window.device), window, dims=1)
        jerk = torch.tensordot(self.jerk_taps.to(window.device), window, dims=1).abs() / self.scale
        found = jerk.max()
        self.largest = found if self.largest is None else torch.maximum(self.largest, found)
        calm = 1 - jerk / self.largest.clamp(min=torch.finfo(jerk.dtype).tiny)
        motion: Tensor = acceleration * calm.clamp(min=0) ** self.strength
        return motion
