"""Motion weighted by how far it prefers one orientation (Takeda et al., CVPR 2019)."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from magnify.temporal.change import State
from magnify.temporal.operators import Operator

Anisotropy = Callable[[Tensor, Tensor], Tensor]
"""From motions (N, C, h, w) and shapes of N frames to their anisotropy (C, h, w), 0 to 1."""


class Anisotropic(Operator):
    """The motion of another operator, times the anisotropy of N frames (odd) around each.

    At the clip's ends it is that of the frames that there are. Memory: N motions, and the shapes of
    as many frames and of those that the other operator lags.
    """

    def __init__(self, inner: Operator, frames: int, anisotropy: Anisotropy) -> None:
        assert inner.delay is not None
        self.inner = inner
        self.anisotropy = anisotropy
        self.half = frames // 2
        self.delay: int = inner.delay + self.half
        self.look_back = None if inner.look_back is None else inner.look_back + self.half
        self.look_ahead = None if inner.look_ahead is None else inner.look_ahead + self.half
        self.remembers_all = inner.remembers_all
        self.divisible = inner.divisible
        self.waiting: deque[Tensor] = deque()
        """Shapes of the frames whose motion is not known yet."""
        self.known: deque[tuple[Tensor, Tensor]] = deque(maxlen=frames)
        """Motion and shape of the last frames."""
        self.pending = 0
        """How many of them are not returned yet, as frames behind them are missing."""

    def feed(self, shape: Tensor) -> Tensor:
        self.waiting.extend(torch.split(shape, 1))
        return self._weighted(self.inner.feed(shape))

    def flush(self) -> Iterator[Tensor]:
        for motion in self.inner.flush():
            weighted = self._weighted(motion)
            if len(weighted):
                yield weighted
        known = list(self.known)
        for middle in range(len(known) - self.pending, len(known)):
            yield self._weigh(known[max(0, middle - self.half) :], known[middle][0])

    def state(self) -> State:
        return self.inner.state()

    def restore(self, state: State) -> None:
        self.inner.restore(state)

    def _weighted(self, motion: Tensor) -> Tensor:
        """Motion (T, C, h, w) of the next T frames → weighted (T', C, h, w), of those now ready."""
        ready = []
        for number in range(len(motion)):
            frame = motion[number : number + 1]
            self.known.append((frame, self.waiting.popleft()))
            self.pending += 1
            if self.pending > self.half:
                self.pending -= 1
                ready.append(self._weigh(self.known, self.known[-1 - self.half][0]))
        return torch.cat(ready) if ready else motion[:0]

    def _weigh(self, known: Sequence[tuple[Tensor, Tensor]], motion: Tensor) -> Tensor:
        motions, shapes = zip(*known, strict=True)
        weighted: Tensor = motion * self.anisotropy(torch.cat(motions), torch.cat(shapes))
        return weighted
