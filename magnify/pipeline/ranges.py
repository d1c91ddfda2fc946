"""A range of a clip's frames by itself, equal to the same frames of the whole clip.

What a frame's motion depends on is its mode's own: the reference (static), the frame before
(dynamic), half a filter's length on both sides (FIR), or all frames before (recursive filters).
One pass of the encoder alone writes down the states from which any range can be computed.
"""

from collections.abc import Collection, Generator
from contextlib import closing
from itertools import islice

import torch

from magnify.engine.network import Network
from magnify.errors import SettingsError
from magnify.messages import Notify
from magnify.pipeline.clips import Clip
from magnify.pipeline.modes import Mode
from magnify.pipeline.stream import DECODED_AHEAD, Stream, chunks, stack, with_reference
from magnify.pipeline.threads import ahead
from magnify.temporal.change import State
from magnify.temporal.operators import Operator
from magnify.video import Frame

REFERENCE = "reference picture"
"""Under which a state holds the picture that the mode's operator is made with."""


def silent(notice: str) -> None:
    """Takes a notice that the whole clip's run has told already."""


@torch.inference_mode()
def boundary_states(
    clip: Clip, network: Network, mode: Mode, starts: Collection[int], notify: Notify = silent
) -> dict[int, State]:
    """What the frames before each start leave to a range that begins there.

    One pass over the clip up to the last start, through the encoder alone.

    Raises:
        SettingsError: the mode needs the whole clip before it can say how any frame moves.
    """
    size = network.chunk_size(clip.height, clip.width)
    with closing(ahead(clip.frames(), DECODED_AHEAD)) as decoded:
        reference, frames = with_reference(clip, decoded, mode.reference_frames)
        operator = _divisible(mode.operator(clip, network, reference, notify))
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


@torch.inference_mode()
def magnified_range(
    clip: Clip, network: Network, mode: Mode, alpha: float, frames: range, state: State
) -> Generator[Frame, None, None]:
    """The magnified frames of a range, equal to those of the whole clip.

    Args:
        frames: which frames of the clip, a range with a step of 1.
        state: what `boundary_states` gave for the first of them.

    Raises:
        SettingsError: the mode needs the whole clip before it can say how any frame moves.
    """
    operator = _divisible(mode.operator(clip, network, state.get(REFERENCE), silent))
    operator.restore(state)
    first = max(0, frames.start - (operator.look_back or 0))
    needed = range(first, frames.stop + (operator.look_ahead or 0))
    with closing(ahead(_part(clip, needed), DECODED_AHEAD)) as decoded:
        stream = Stream(clip, network, operator)
        yield from stream.magnified(decoded, alpha, frames.start - first, len(frames))


def _part(clip: Clip, wanted: range) -> Generator[Frame, None, None]:
    with closing(clip.frames()) as frames:
        yield from islice(frames, wanted.start, wanted.stop)


def _divisible(operator: Operator) -> Operator:
    if not operator.divisible:
        raise SettingsError(
            "this mode needs the whole clip and cannot take it in parts; use butterworth without "
            "zero phase, fir with a number of taps, or acceleration without --jerk-aware"
        )
    return operator
