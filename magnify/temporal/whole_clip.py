"""Operators that need the whole clip before they can say how its first frame moves."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from magnify.temporal import filters
from magnify.temporal.change import PLAIN, Differences, SinceFirst, State
from magnify.temporal.filters import Coefficients
from magnify.temporal.operators import Operator, SectionFilter
from magnify.temporal.spool import Spool, Storage

BUFFERS = 4
"""How many float32 copies of its working length a filter holds at once."""
LEAST_WIDTH = 64
"""Values that are filtered at once, however small the budget: one by one would take for ever."""


class TimeFilter(ABC):
    """A filter over all of time at once."""

    @abstractmethod
    def working_frames(self, frames: int) -> int:
        """How many frames long it works for a clip of so many."""

    @abstractmethod
    def __call__(self, change: Tensor) -> Tensor:
        """Change since the first frame, (frames, values) in float32 → motion of the same shape."""


class IdealBand(TimeFilter):
    """The papers' FIR: as many taps as frames (one more if they are even), both edges held.

    Exactly `Fir` with those taps, computed by FFT. Unlike the authors' code it does not wrap
    from the clip's end to its start, and does not rebuild every frame on the last one's shape.
    """

    def __init__(
        self,
        low: float | None,
        high: float | None,
        rate: float,
        notches: tuple[float, ...] = (),
    ) -> None:
        self.low, self.high, self.rate, self.notches = low, high, rate, notches

    def working_frames(self, frames: int) -> int:
        return filters.fast_fft_length(2 * frames)

    def __call__(self, change: Tensor) -> Tensor:
        frames = len(change)
        length = self.working_frames(frames)
        taps = filters.fir(self.low, self.high, frames + 1 - frames % 2, self.rate, self.notches)
        half = len(taps) // 2
        # The zeros behind it are the held first frame: nothing of the wrap-around is kept.
        held = change.new_zeros(length, change.shape[1])
        held[:frames] = change
        held[frames : frames + half] = change[-1]
        spectrum = torch.fft.rfft(held, dim=0)
        response = torch.fft.rfft(torch.from_numpy(taps).float(), n=length)
        spectrum *= response[:, None].to(spectrum.device)
        filtered: Tensor = torch.fft.irfft(spectrum, n=length, dim=0)
        return filtered[half : half + frames]


class ZeroPhase(TimeFilter):
    """Second-order sections forward and backward: no phase, and the gain squared.

    Equal to `scipy.signal.sosfiltfilt(..., padtype="constant", padlen=p)` on the change since
    the first frame: both edges are held, p frames of the last one being the time in which the
    slowest pole decays to 1/1000. (Held frames before the first change nothing: each direction
    starts in its steady state.)
    """

    def __init__(self, sections: Coefficients) -> None:
        self.sections = sections
        self.held_frames = filters.settling_frames(sections, 1e-3)
        self.gain_at_zero = filters.gain_at_zero(sections)

    def working_frames(self, frames: int) -> int:
        return frames + self.held_frames

    def __call__(self, change: Tensor) -> Tensor:
        held = torch.cat((change, change[-1:].expand(self.held_frames, -1)))
        backward = SectionFilter(self.sections)(held).flip(0)
        steady = backward[:1].clone()
        backward = SectionFilter(self.sections)(backward.sub_(steady))
        return backward.add_(steady, alpha=self.gain_at_zero).flip(0)[: len(change)]


class WholeClip(Operator):
    """Applies a filter over all of time, block of values by block, from a spool.

    `feed` stores each frame's change since the first as float16; `flush` filters in place and
    then gives the motion in chunks as large as the largest fed. Memory stays within the
    storage's budget, apart from one chunk and the first representation. `outside` is the share of
    what the filter leaves out that counts as motion, too.
    """

    delay = None
    look_back = None
    look_ahead = None
    divisible = False
    fits_half = True

    def __init__(
        self,
        filter: TimeFilter,
        storage: Storage,
        differences: Differences = PLAIN,
        outside: float = 0.0,
    ) -> None:
        self.filter = filter
        self.storage = storage
        self.outside = outside
        self.since_first = SinceFirst(differences)
        self.spool: Spool | None = None
        self.like = torch.empty(0)
        """A frame of change: its size, type and device are those of the motion."""
        self.chunk = 0

    def feed(self, shape: Tensor) -> Tensor:
        """Shape (T, C, h, w) → no motion yet, (0, C, h, w).

        Raises:
            VideoError: the disk has too little room for what the memory budget leaves over.
        """
        change = self.since_first(shape)
        if self.spool is None:
            self.spool = Spool(change[0].numel(), self.storage)
        self.spool.append(change.flatten(1).to("cpu", torch.float16))
        self.chunk = max(self.chunk, len(shape))
        self.like = change[:1].to(shape.dtype)
        return self.like[:0]

    def flush(self) -> Iterator[Tensor]:
        if self.spool is None:
            return
        try:
            self._filter(self.spool, self.like.device)
            for motion in self.spool.frames(self.chunk):
                yield motion.to(self.like).view(-1, *self.like.shape[1:])
        finally:
            self.spool.close()

    def state(self) -> State:
        return self.since_first.state()

    def restore(self, state: State) -> None:
        self.since_first.restore(state)

    def _filter(self, spool: Spool, device: torch.device) -> None:
        column = 4 * BUFFERS * self.filter.working_frames(len(spool))
        width = max(LEAST_WIDTH, self.storage.working_bytes // column)
        for start in range(0, spool.values, width):
            block = spool.read(start, min(start + width, spool.values))
            change = block.to(device, torch.float32)
            motion = self.filter(change).lerp_(change, self.outside)
            spool.write(start, motion.to("cpu", torch.float16))
