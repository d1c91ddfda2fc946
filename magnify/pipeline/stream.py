"""Frames → magnified frames.

A frame's way: decode (in a thread) → encode by the network → the mode's operator → manipulate,
decode. One output frame for each input frame, in order, each with the time stamps it came with.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from math import inf

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnify.engine.network import Network
from magnify.engine.runtime import available_memory
from magnify.engine.transfer import Download
from magnify.errors import SettingsError
from magnify.interruption import check
from magnify.messages import Notify, counted
from magnify.models import Texture
from magnify.pipeline.alpha import AlphaCurve, Factor
from magnify.pipeline.clips import Clip
from magnify.pipeline.modes import Mode
from magnify.pipeline.threads import ahead
from magnify.temporal.change import State
from magnify.temporal.operators import Operator
from magnify.video import Frame

DECODED_AHEAD = 8
"""Frames that wait in front of the network, at most (beyond the current chunk)."""

WAITING_MEMORY = 0.25
"""The share of the free memory that frames before the reference may wait in."""

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("analysing" or "magnifying"), frames done, and frames in all if known."""


@torch.inference_mode()
def magnified_frames(
    clip: Clip,
    network: Network,
    mode: Mode,
    alpha: Factor,
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> Generator[Frame, None, None]:
    """The clip's frames with their motion magnified, in order, one for one."""
    say = notify or (lambda notice: None)
    network.prepare(clip.height, clip.width, clip.count, say)
    with closing(ahead(clip.frames(), DECODED_AHEAD)) as decoded:
        reference, frames = with_reference(clip, decoded, mode.reference_frames)
        operator = mode.operator(clip, network, reference, alpha, say)
        if operator.delay is not None:
            clip.read_once_more()
        stream = Stream(clip, network, operator, progress)
        # Explicitly closed: else a traceback would keep the decoder's thread alive.
        with closing(stream.magnified(frames, alpha)) as magnified:
            yield from magnified


def with_reference(
    clip: Clip, decoded: Iterator[Frame], wanted: range
) -> tuple[Tensor | None, Iterator[Frame]]:
    """The mean of the wanted frames (1, H, W, 3), and all frames from the first on.

    The frames before the reference wait in memory. Where so many do not fit, the clip's beginning
    is read a second time instead.
    """
    if not wanted:
        return None, decoded
    waiting = wanted.stop * clip.height * clip.width * 6
    if waiting > WAITING_MEMORY * available_memory():
        with closing(clip.frames()) as again:
            return _mean(islice(again, wanted.stop), wanted), decoded
    head = list(islice(decoded, wanted.stop))
    return _mean(iter(head), wanted), chain(head, decoded)


def _mean(frames: Iterator[Frame], wanted: range) -> Tensor:
    """The mean of some frames as a picture (1, H, W, 3) of 16 bits.

    These keep what the mean of 8-bit frames knows beyond its levels.
    """
    total: NDArray[np.float64] | None = None
    count = 0
    for count, frame in enumerate(frames, 1):
        check()
        if count > wanted.start:
            levels = frame.picture * np.float64(65535 / np.iinfo(frame.picture.dtype).max)
            total = levels if total is None else total + levels
    if total is None or count < wanted.stop:
        needed = f"frame {wanted.start}" if len(wanted) == 1 else f"{len(wanted)} frames"
        raise SettingsError(
            f"the reference needs {needed}, but the clip has {counted(count, 'frame')}"
        )
    return torch.from_numpy(np.rint(total / len(wanted)).astype(np.uint16))[None]


Step = tuple[list[Frame], Texture, Tensor, Tensor]
"""Frames, with their texture, shape and motion."""


class Stream:
    """One pass of a clip's frames through a network and an operator."""

    def __init__(
        self, clip: Clip, network: Network, operator: Operator, progress: Progress | None = None
    ) -> None:
        self.clip = clip
        self.network = network
        self.operator = operator
        self.report = progress or (lambda stage, done, total: None)
        self.size = network.chunk_size(clip.height, clip.width)
        self.marked: int | None = None
        self.state: State | None = None

    def mark(self, frames: int) -> None:
        """Asks for the operator's state after so many frames; it is `state` once they were fed."""
        self.marked = frames

    def magnified(
        self, frames: Iterator[Frame], alpha: Factor, first: int = 0, count: int | None = None
    ) -> Generator[Frame, None, None]:
        """The frames with their motion magnified, in order, one for one.

        Of the frames given, the `count` from number `first` on; the others only tell their motion.
        """
        operator = self.operator
        every = (self._aligned if operator.delay == 0 else self._delayed)(frames)
        steps = every if (first, count) == (0, None) else _cut(every, first, count)
        done = 0
        with closing(every), closing(self._downloaded(steps, alpha)) as magnified:
            for originals, pictures in magnified:
                for frame, picture in zip(originals, pictures.numpy(), strict=True):
                    yield replace(frame, picture=picture)
                done += len(originals)
                self.report("magnifying", done, self.clip.count)

    def _downloaded(
        self, steps: Iterator[Step], alpha: Factor
    ) -> Generator[tuple[list[Frame], Tensor], None, None]:
        """Frames, with their magnified pictures on the CPU.

        The next chunk is handed to a GPU before the last one is waited for, so that it never idles.
        """
        before: tuple[list[Frame], Download] | None = None
        curve = alpha if isinstance(alpha, AlphaCurve) else AlphaCurve(((0.0, alpha),))
        for frames, texture, shape, motion in steps if curve is not alpha else _singly(steps):
            factor = curve.at(self.clip.seconds(frames[0]))
            pictures = self.network.decode(texture, shape, motion, factor, like=stack(frames))
            download = Download(pictures)
            if before is not None:
                yield before[0], before[1].wait()
            before = frames, download
        if before is not None:
            yield before[0], before[1].wait()

    def _aligned(self, frames: Iterator[Frame]) -> Generator[Step, None, None]:
        """An operator without delay: each frame passes the encoder once."""
        for chunk in self._chunks(frames):
            texture, shape = self.network.encode(stack(chunk))
            yield chunk, texture, shape, self.operator.feed(shape)

    def _delayed(self, frames: Iterator[Frame]) -> Generator[Step, None, None]:
        """An operator that lags: frames wait as pictures, and are encoded anew in their turn.

        A picture is the cheapest form a frame has (3 bytes a pixel, where texture and shape
        together take 40), and the encoder is about a tenth of a network's work. For an operator
        that needs the whole clip first, the pictures wait in the video file.
        """
        waiting: deque[Frame] | None = None if self.operator.delay is None else deque()
        again = ahead(self.clip.frames(), DECODED_AHEAD) if waiting is None else _taken(waiting)
        with closing(again):
            for motion in self.motions(frames, waiting):
                for part in torch.split(motion, self.size):
                    if len(part):
                        chunk = list(islice(again, len(part)))
                        yield chunk, *self.network.encode(stack(chunk)), part

    @torch.inference_mode()
    def motions(
        self, frames: Iterator[Frame], waiting: deque[Frame] | None = None
    ) -> Generator[Tensor, None, None]:
        """The frames' motion alone, in order, in chunks (T, C, h, w), of which some are empty.

        `waiting` gets the frames as they are read.
        """
        done = 0
        for chunk in self._chunks(frames):
            if waiting is not None:
                waiting.extend(chunk)
            yield self.operator.feed(self.network.encode_shape(stack(chunk)))
            done += len(chunk)
            if waiting is None:
                self.report("analysing", done, self.clip.count)
        yield from self.operator.flush()

    def _chunks(self, frames: Iterator[Frame]) -> Iterator[list[Frame]]:
        """The frames, so many at a time; the operator's state is taken where it was asked for."""
        if self.marked is not None:
            yield from chunks(islice(frames, self.marked), self.size)
            self.state = self.operator.state()
        yield from chunks(frames, self.size)


def _singly(steps: Iterator[Step]) -> Iterator[Step]:
    """The steps, one frame each."""
    for frames, texture, shape, motion in steps:
        for number, frame in enumerate(frames):
            one = slice(number, number + 1)
            yield [frame], tuple(part[one] for part in texture), shape[one], motion[one]


def _cut(steps: Iterator[Step], first: int, count: int | None) -> Iterator[Step]:
    """The steps of `count` frames from number `first` on."""
    stop = inf if count is None else first + count
    number = 0
    for frames, texture, shape, motion in steps:
        begin, end = max(0, first - number), min(len(frames), stop - number)
        number += len(frames)
        if begin < end:
            kept = slice(begin, int(end))
            yield frames[kept], tuple(part[kept] for part in texture), shape[kept], motion[kept]
        if number >= stop:
            return


def _taken(waiting: deque[Frame]) -> Generator[Frame, None, None]:
    """Frames in the order in which they began to wait; there is always one when asked for."""
    while True:
        yield waiting.popleft()


def chunks(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """The frames, so many at a time."""
    while chunk := list(islice(frames, size)):
        yield chunk


def stack(frames: list[Frame]) -> Tensor:
    """Their pictures (T, H, W, 3)."""
    return torch.from_numpy(np.stack([frame.picture for frame in frames]))
