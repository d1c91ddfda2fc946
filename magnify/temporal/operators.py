"""A mode is one small stateful operator: shape representations in, their motion out.

Streaming equals whole-clip processing for every chunk size.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from magnify.temporal.filters import Coefficients


class Operator(ABC):
    """Turns a clip's shape representations, chunk by chunk, into their motion.

    Shapes are (T, C, h, w), any number T >= 1 of consecutive frames; the motion has the same device
    and dtype. Every frame fed gives exactly one frame of motion, in order: `feed` returns those
    that are ready, `flush` the rest. An operator serves one clip; after `flush` it is spent.

    `delay` is how many frames the motion lags: once k frames are fed, k - delay are out (none
    before). The caller keeps what `manipulate` and `decode` need of the frames in flight. None
    means the whole clip: `feed` returns no motion, and the caller reads the video a second time
    beside `flush` instead of keeping its frames.
    """

    delay: int | None = 0

    @abstractmethod
    def feed(self, shape: Tensor) -> Tensor:
        """Shape (T, C, h, w) → motion (T', C, h, w) of the next T' >= 0 frames."""

    def flush(self) -> Iterator[Tensor]:
        """The motion of the frames not yet returned, in chunks (T', C, h, w) with T' >= 1."""
        return iter(())


class Static(Operator):
    """Motion since one reference: shape - reference.

    `reference` (1, C, h, w) is the shape of the first frame, of any other, or a mean of frames.
    """

    def __init__(self, reference: Tensor) -> None:
        self.reference = reference

    def feed(self, shape: Tensor) -> Tensor:
        return shape - self.reference


class Dynamic(Operator):
    """Motion since the previous frame; the first frame, having none, does not move."""

    def __init__(self) -> None:
        self.previous: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        motion = shape.clone()
        motion[1:] -= shape[:-1]
        motion[:1] -= shape[:1] if self.previous is None else self.previous
        self.previous = shape[-1:].clone()
        return motion


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

    State: the first representation and two for each section, in float32.
    """

    def __init__(self, sections: Coefficients) -> None:
        self.filter = SectionFilter(sections)
        self.first: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        self.first, change = since_first(self.first, shape)
        return self.filter(change).to(shape.dtype)


class Fir(Operator):
    """Linear-phase band of N taps, N odd: delay (N-1)/2 made good, both edges held.

    The motion of frame t is the sum over k of taps[k] · shape[t + (N-1)/2 - k]; before the first
    frame is the first, after the last the last. State: N + 9 representations in float32.
    """

    BLOCK = 8

    def __init__(self, taps: Coefficients) -> None:
        self.taps = taps
        self.delay: int = len(taps) // 2
        self.ring_frames = len(taps) - 1 + self.BLOCK
        self.fed = 0
        self.first: Tensor | None = None
        self.last: Tensor | None = None
        self.ring: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        self.first, change = since_first(self.first, shape)
        self.last = shape[-1:].clone()
        if self.ring is None:
            # Zeros stand for the held first frame, from which all change is counted.
            self.ring = change.new_zeros(self.ring_frames, change[0].numel())
        pieces = [
            self._advance(self.ring, piece) for piece in torch.split(change.flatten(1), self.BLOCK)
        ]
        return torch.cat(pieces).view(-1, *shape.shape[1:]).to(shape.dtype)

    def flush(self) -> Iterator[Tensor]:
        if self.last is None:
            return
        for start in range(0, self.delay, self.BLOCK):
            held = min(self.BLOCK, self.delay - start)
            motion = self.feed(self.last.expand(held, -1, -1, -1))
            if len(motion):
                yield motion

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


def since_first(first: Tensor | None, shape: Tensor) -> tuple[Tensor, Tensor]:
    """The clip's first representation, and each frame's change since it, both in float32.

    Every temporal filter works on this change, started at rest. For a band-pass or a high-pass
    that is the filter started in its steady state on the first frame, without the rounding of a
    large constant; for a low-pass it also takes the first frame itself out of the motion, so that
    a still scene has none in any band.
    """
    if first is None:
        first = shape[:1].float().clone()
    return first, shape.float() - first
