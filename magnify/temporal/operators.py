"""A mode is one small stateful operator: shape representations in, their motion out.

Streaming equals whole-clip processing for every chunk size, and so does a range of frames by
itself, given what it needs of the frames around it (`look_back`, `look_ahead`, `state`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from magnify.temporal.change import PLAIN, Differences, SinceFirst, State
from magnify.temporal.filters import Coefficients


class Operator(ABC):
    """Turns a clip's shape representations, chunk by chunk, into their motion.

    Shapes are (T, C, h, w), any number T >= 1 of consecutive frames; the motion has the same device
    and dtype. Every frame fed gives exactly one frame of motion, in order: `feed` returns those
    that are ready, `flush` the rest. An operator serves one clip; after `flush` it is spent.

    Attributes:
        delay: how many frames the motion lags: once k frames are fed, k - delay are out (none
            before). The caller keeps what `manipulate` and `decode` need of the frames in flight.
            None means the whole clip: `feed` returns no motion, and the caller reads the video a
            second time beside `flush` instead of keeping its frames.
        look_back: how many frames before a frame its motion depends on, the clip's own reference or
            first frame aside; None: on all of them, which only the state after them can replace.
        look_ahead: how many frames after a frame its motion depends on; None: on all of them.
        remembers_all: whether `state` depends on all frames fed; if not, on the first alone.
        divisible: whether a range of frames can be computed by itself at all.
        fits_half: whether float16 holds its motion exactly.
    """

    delay: int | None = 0
    look_back: int | None = 0
    look_ahead: int | None = 0
    remembers_all: bool = False
    divisible: bool = True
    fits_half: bool = False

    @abstractmethod
    def feed(self, shape: Tensor) -> Tensor:
        """Shape (T, C, h, w) → motion (T', C, h, w) of the next T' >= 0 frames."""

    def flush(self) -> Iterator[Tensor]:
        """The motion of the frames not yet returned, in chunks (T', C, h, w) with T' >= 1."""
        return iter(())

    @abstractmethod
    def state(self) -> State:
        """What the last frames fed leave to the next: tensors that do not change any more.

        A range of frames from `a` on is computed by an operator of the same settings that has been
        given the state from before frame s = a - look_back (s = a where look_back is None), and is
        then fed all frames from s on.
        """

    @abstractmethod
    def restore(self, state: State) -> None:
        """Makes a fresh operator go on from where `state` was taken."""


class SinceReference(Operator):
    """Motion since one reference.

    `reference` (1, C, h, w) is the shape of any frame, or of a mean of frames; None takes the first
    frame that is fed.
    """

    def __init__(self, reference: Tensor | None = None, differences: Differences = PLAIN) -> None:
        self.reference = reference
        self.differences = differences

    def feed(self, shape: Tensor) -> Tensor:
        if self.reference is None:
            self.reference = shape[:1].clone()
        return self.differences.difference(shape, self.reference)

    def state(self) -> State:
        return {} if self.reference is None else {"reference": self.reference.clone()}

    def restore(self, state: State) -> None:
        self.reference = state.get("reference")


class SincePrevious(Operator):
    """Motion since the previous frame; the first frame, having none, does not move."""

    look_back = 1

    def __init__(self, differences: Differences = PLAIN) -> None:
        self.differences = differences
        self.previous: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        first = shape[:1] if self.previous is None else self.previous
        before = torch.cat((first, shape[:-1]))
        self.previous = shape[-1:].clone()
        return self.differences.difference(shape, before)

    def state(self) -> State:
        return {}

    def restore(self, state: State) -> None:
        pass


class SectionFilter:
    """Second-order sections over time, elementwise and started at rest; keeps its state.

    In delta form (the delay z⁻¹ replaced by the accumulator 1 / (z - 1)): for bands far below the
    rate, such as 0.05 Hz at 600 frames per second, float32 then errs by 1e-4 of the amplitude,
    where the direct form's rounding grows to the size of the signal itself.
    """

    def __init__(self, sections: Coefficients) -> None:
        b0, b1, b2, _, a1, a2 = sections.T
        coefficients = (b0, 2 * b0 + b1, b0 + b1 + b2, 2 + a1, 1 + a1 + a2)
        self.coefficients = np.stack(coefficients, axis=1).tolist()
        self.state: Tensor | None = None

    def __call__(self, signal: Tensor) -> Tensor:
        """Signal (T, ...) in float32, the next T frames → the same, filtered."""
        if self.state is None:
            self.state = signal.new_zeros(len(self.coefficients), 2, *signal.shape[1:])
        filtered = torch.empty_like(signal)
        for frame, result in zip(signal, filtered, strict=True):
            value = frame
            for (b0, b1, b2, a1, a2), (s1, s2) in zip(self.coefficients, self.state, strict=True):
                output = torch.add(s1, value, alpha=b0)
                s1.add_(s2).add_(value, alpha=b1).sub_(output, alpha=a1)
                s2.add_(value, alpha=b2).sub_(output, alpha=a2)
                value = output
            result.copy_(value)
        return filtered


class Iir(Operator):
    """Causal recursive band: second-order sections, as if the first frame had been there forever.

    `outside` is the share of what the sections leave out that counts as motion, too.

    State: the first representation and two for each section, in float32.
    """

    look_back = None
    remembers_all = True

    def __init__(
        self, sections: Coefficients, differences: Differences = PLAIN, outside: float = 0.0
    ) -> None:
        self.filter = SectionFilter(sections)
        self.since_first = SinceFirst(differences)
        self.outside = outside

    def feed(self, shape: Tensor) -> Tensor:
        change = self.since_first(shape)
        return self.filter(change).lerp_(change, self.outside).to(shape.dtype)

    def state(self) -> State:
        state = self.since_first.state()
        if self.filter.state is not None:
            state["sections"] = self.filter.state.clone()
        return state

    def restore(self, state: State) -> None:
        self.since_first.restore(state)
        sections = state.get("sections")
        self.filter.state = None if sections is None else sections.clone()


class Fir(Operator):
    """Linear-phase band of N taps, N odd: delay (N-1)/2 made good, both edges held.

    The motion of frame t is the sum over k of taps[k] · change[t + (N-1)/2 - k], where the change
    is that since the first frame; before the first frame is the first, after the last the last.
    Memory: N + 9 representations in float32.
    """

    BLOCK = 8

    def __init__(self, taps: Coefficients, differences: Differences = PLAIN) -> None:
        self.taps = taps
        self.delay: int = len(taps) // 2
        self.look_back = self.look_ahead = self.delay
        self.remembers_all = differences.cumulative
        self.ring_frames = len(taps) - 1 + self.BLOCK
        self.fed = 0
        self.since_first = SinceFirst(differences)
        self.last: Tensor | None = None
        self.dtype = torch.float32
        self.ring: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        change = self.since_first(shape)
        self.last = change[-1:].clone()
        self.dtype = shape.dtype
        return self._filtered(change).to(self.dtype)

    def flush(self) -> Iterator[Tensor]:
        if self.last is None:
            return
        for _ in range(self.delay):  # one by one: the motion of many at once is large
            motion = self._filtered(self.last)
            if len(motion):
                yield motion.to(self.dtype)

    def state(self) -> State:
        return self.since_first.state()

    def restore(self, state: State) -> None:
        self.since_first.restore(state)

    def _filtered(self, change: Tensor) -> Tensor:
        """Change (T, C, h, w) of the next T frames → motion (T', C, h, w) of those now ready."""
        if self.ring is None:
            # Zeros stand for the held first frame, from which all change is counted.
            self.ring = change.new_zeros(self.ring_frames, change[0].numel())
        pieces = [
            self._advance(self.ring, piece) for piece in torch.split(change.flatten(1), self.BLOCK)
        ]
        return torch.cat(pieces).view(-1, *change.shape[1:])

    def _advance(self, ring: Tensor, change: Tensor) -> Tensor:
        """Change (T, P) of the next T <= BLOCK frames → motion (T', P) of those now ready."""
        frames = np.arange(self.fed, self.fed + len(change))
        ring[frames % self.ring_frames] = change
        self.fed += len(change)
        slots = np.arange(self.ring_frames)
        held_in = frames[-1:] - (frames[-1:] - slots) % self.ring_frames
        ready = (frames - self.delay)[frames >= self.delay]
        tap = ready[:, None] + self.delay - held_in
        inside = (tap >= 0) & (tap < len(self.taps))
        weights = np.where(inside, self.taps[np.where(inside, tap, 0)], 0.0)
        return torch.from_numpy(weights).float().to(ring.device) @ ring
