"""A range of a clip's frames by itself, equal to the same frames of the whole clip.

What a frame's motion depends on is its mode's own: the reference (static), the frame before
(dynamic), half a filter's length on both sides (FIR), or all frames before (recursive filters).
One pass of the encoder alone writes down the states from which any range can be computed.
"""

from collections.abc import Collection, Generator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

import torch

from magnify.engine.network import Network
from magnify.errors import SettingsError
from magnify.messages import Notify
from magnify.pipeline.alpha import Factor
from magnify.pipeline.clips import Clip
from magnify.pipeline.modes import Mode
from magnify.pipeline.stream import DECODED_AHEAD, Stream, chunks, stack, with_reference
from magnify.pipeline.threads import ahead
from magnify.temporal.change import State
from magnify.temporal.operators import Operator
from magnify.video import Frame, Place

REFERENCE = "reference picture"
"""Under which a state holds the picture that the mode's operator is made with."""


def silent(notice: str) -> None:
    """Takes a notice that the whole clip's run has told already."""


@torch.inference_mode()
def boundary_states(
    clip: Clip,
    network: Network,
    mode: Mode,
    alpha: Factor,
    starts: Collection[int],
    notify: Notify = silent,
) -> dict[int, State]:
    """What the frames before each start leave to a range that begins there.

    One pass over the clip up to the last start, through the encoder alone.

    Raises:
        SettingsError: the mode needs the whole clip before it can say how any frame moves.
    """
    size = network.chunk_size(clip.height, clip.width)
    with closing(ahead(clip.frames(), DECODED_AHEAD)) as decoded:
        reference, frames = with_reference(clip, decoded, mode.reference_frames)
        operator = _divisible(mode.operator(clip, network, reference, alpha, notify))
        states = {}
        fed = 0
        for start in sorted(set(starts)):
            before = max(0, start - (operator.look_back or 0))
            needed = before if operator.remembers_all else min(before, 1)
            for chunk in chunks(islice(frames, max(0, needed - fed)), size):
                operator.feed(network.encode_shape(stack(chunk)))
                fed += len(chunk)
            states[start] = operator.state()
            if reference is not None:
                states[start][REFERENCE] = reference
    return states


@dataclass(frozen=True)
class Boundary:
    """Where a range begins, and what it needs of the frames before it.

    Attributes:
        number: the range's first frame.
        first: the first frame that has to be read for it; without a place, that number is counted
            from the clip's beginning.
        place: where in the file that frame lies.
        state: the operator's, from before the first frame that is read.
    """

    number: int = 0
    first: int = 0
    place: Place | None = None
    state: State = field(default_factory=dict)


def first_boundary(
    clip: Clip, network: Network, mode: Mode, alpha: Factor, notify: Notify
) -> Boundary | None:
    """Where the first range begins; None if the mode needs the whole clip before any frame moves.

    `notify` is told what the mode has to say of the clip.
    """
    reference = None
    if mode.reference_frames:
        with closing(clip.frames()) as frames:
            reference, _ = with_reference(clip, frames, mode.reference_frames)
    operator = mode.operator(clip, network, reference, alpha, notify)
    if not operator.divisible:
        return None
    state = operator.state()
    if reference is not None:
        state[REFERENCE] = reference
    return Boundary(state=state)


def stands_alone(clip: Clip, network: Network, mode: Mode, alpha: Factor) -> int | None:
    """How many frames before it a range depends on, beside the reference; None if on all of them.

    Ranges that depend on few can be computed at the same time.
    """
    reference = None
    if mode.reference_frames:
        with closing(clip.frames()) as frames:
            reference, _ = with_reference(clip, frames, mode.reference_frames)
    operator = mode.operator(clip, network, reference, alpha, silent)
    alone = operator.divisible and not operator.remembers_all
    return operator.look_back if alone else None


class MagnifiedRange:
    """The frames of a range, magnified, equal to those of the whole clip.

    `after` is the boundary to the next range, once all frames were taken; None where the clip ends.

    Raises:
        SettingsError: the mode needs the whole clip before it can say how any frame moves.
    """

    def __init__(
        self,
        clip: Clip,
        network: Network,
        mode: Mode,
        alpha: Factor,
        before: Boundary,
        length: int,
    ) -> None:
        self.clip, self.alpha, self.before, self.length = clip, alpha, before, length
        self.reference = before.state.get(REFERENCE)
        self.operator = _divisible(mode.operator(clip, network, self.reference, alpha, silent))
        self.operator.restore(before.state)
        self.stream = Stream(clip, network, self.operator)
        self.after: Boundary | None = None
        self._next_first = max(0, before.number + length - (self.operator.look_back or 0))
        self._next_place: Place | None = None
        self._more = False

    @torch.inference_mode()
    def frames(self) -> Generator[Frame, None, None]:
        """The magnified frames, in order; fewer than asked for where the clip ends."""
        before = self.before
        self.stream.mark(self._next_first - before.first)
        skipped = before.number - before.first
        with closing(ahead(self._needed(), DECODED_AHEAD)) as decoded:
            magnified = self.stream.magnified(decoded, self.alpha, skipped, self.length)
            with closing(magnified):
                yield from magnified
            for _ in decoded:  # up to where it is known whether more follows
                pass
        if self._more:
            # Where nothing follows that frame, the state was not asked for before the end.
            state = self.operator.state() if self.stream.state is None else self.stream.state
            if self.reference is not None:
                state = {**state, REFERENCE: self.reference}
            number = before.number + self.length
            self.after = Boundary(number, self._next_first, self._next_place, state)

    def _needed(self) -> Generator[Frame, None, None]:
        """All frames that the range depends on, from `before.first` on; notes where others lie."""
        before = self.before
        stop = before.number + self.length
        look_ahead = stop + (self.operator.look_ahead or 0)
        skipped = before.first if before.place is None else 0
        with closing(self.clip.frames(before.place)) as frames:
            for number, frame in enumerate(islice(frames, skipped, None), before.first):
                if number == self._next_first:
                    self._next_place = Place(number, frame.pts)
                self._more = self._more or number == stop
                if number < look_ahead:
                    yield frame
                if number >= max(stop, look_ahead - 1):
                    return


def magnified_range(
    clip: Clip, network: Network, mode: Mode, alpha: Factor, frames: range, state: State
) -> Generator[Frame, None, None]:
    """The magnified frames of a range, equal to those of the whole clip.

    Args:
        frames: which frames of the clip, a range with a step of 1.
        state: what `boundary_states` gave for the first of them.

    Raises:
        SettingsError: the mode needs the whole clip before it can say how any frame moves.
    """
    operator = mode.operator(clip, network, state.get(REFERENCE), alpha, silent)
    first = max(0, frames.start - (operator.look_back or 0))
    before = Boundary(frames.start, first, None, state)
    yield from MagnifiedRange(clip, network, mode, alpha, before, len(frames)).frames()


def _divisible(operator: Operator) -> Operator:
    if not operator.divisible:
        raise SettingsError(
            "this mode needs the whole clip and cannot take it in parts; use butterworth without "
            "zero phase, fir with a number of taps, or acceleration without --jerk-aware"
        )
    return operator
