"""The parts of one output: which there are, and the making of one, wherever that is."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from magnify.pipeline.clips import VideoClip
from magnify.pipeline.job import Job
from magnify.pipeline.prepare import Engine
from magnify.pipeline.ranges import Boundary, MagnifiedRange, boundary_states, stands_alone
from magnify.pipeline.run import WRITTEN_BEHIND
from magnify.pipeline.threads import behind
from magnify.video import Place
from magnify.video.parting import ClockState, SegmentEncoder
from magnify.video.segment import Segment


@dataclass(frozen=True)
class Order:
    """What is to be made: a part of `length` frames, from `before` on.

    `clock` is what the part before it left to the time stamps; None: it is the first.
    """

    before: Boundary
    clock: ClockState | None
    length: int


@dataclass(frozen=True)
class Made:
    """What was made of it.

    Attributes:
        after: where the next part begins; None after the last.
        damage: what was damaged in the frames that were read for it, in words.
    """

    segment: Segment
    clock: ClockState
    after: Boundary | None
    damage: str | None


def make(
    job: Job,
    clip: VideoClip,
    engine: Engine,
    order: Order,
    scratch: Path,
    report: Callable[[int], None] | None = None,
) -> Made:
    """Makes a part; `report` is told how many of its frames are done.

    Raises:
        SettingsError, VideoError: it cannot be read, or not be written so.
    """
    clip.damage = None
    part = MagnifiedRange(clip, engine.network, job.mode, job.factor, order.before, order.length)
    encoder = SegmentEncoder(job.output.path, scratch, clip.info, job.output.encoding, order.clock)
    done = 0
    with closing(encoder):
        with behind(encoder.write, WRITTEN_BEHIND) as write, closing(part.frames()) as frames:
            for frame in clip.finished(frames):
                write(frame)
                done += 1
                if report is not None:
                    report(done)
        segment, clock = encoder.finish()
    damage = clip.damage
    if damage is None and clip.truncated is not None:
        damage = str(clip.truncated)
    return Made(segment, clock, part.after, damage)


def all_orders(
    job: Job, clip: VideoClip, engine: Engine, length: int, scratch: Path
) -> list[Order] | None:
    """All parts of an output, each of which can be made without the others; None if they cannot.

    The clip is decoded once for it, to know where its frames lie.

    Raises:
        VideoError: it cannot be read.
    """
    look_back = stands_alone(clip, engine.network, job.mode, job.factor)
    if look_back is None:
        return None
    times = [(frame.pts, frame.duration) for frame in clip.stored()]
    numbers = range(0, len(times), length)
    states = boundary_states(clip, engine.network, job.mode, job.factor, numbers)
    clocks = _clocks(job, clip, times, length, scratch)
    orders = []
    for number, clock in zip(numbers, clocks, strict=True):
        first = max(0, number - look_back)
        place = Place(first, times[first][0]) if first else None
        orders.append(Order(Boundary(number, first, place, states[number]), clock, length))
    return orders


def _clocks(
    job: Job, clip: VideoClip, times: list[tuple[int, int]], length: int, scratch: Path
) -> Iterator[ClockState | None]:
    """What the time stamps before each part leave to it."""
    with closing(
        SegmentEncoder(job.output.path, scratch, clip.info, job.output.encoding)
    ) as encoder:
        clock = encoder.clock(times[0][0])
    for number, (pts, duration) in enumerate(times):
        if number % length == 0:
            yield ClockState(clock.shift, clock.earliest) if number else None
        clock.stamp(pts, duration, clip.info.time_base)
