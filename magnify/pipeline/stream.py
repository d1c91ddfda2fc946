"""Frames → magnified frames.

A frame's way: decode (in a thread) → encode by the network → the mode's operator → manipulate,
decode. One output frame for each input frame, in order, each with the time stamps it came with.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from magnify.engine.network import Network
from magnify.engine.transfer import Download
from magnify.models import Texture
from magnify.pipeline.clips import Clip
from magnify.pipeline.modes import Mode, Notify
from magnify.pipeline.threads import ahead
from magnify.temporal.operators import Operator
from magnify.video import Frame

DECODED_AHEAD = 8
"""Frames that wait in front of the network, at most (beyond the current chunk)."""

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("analysing" or "magnifying"), frames done, and frames in all if known."""


@torch.inference_mode()
def magnified_frames(
    clip: Clip,
    network: Network,
    mode: Mode,
    alpha: float,
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> Generator[Frame, None, None]:
    """The clip's frames with their motion magnified, in order, one for one."""
    report = progress or (lambda stage, done, total: None)
    say = notify or (lambda notice: None)
    network.prepare(clip.height, clip.width, clip.count, say)
    operator = mode.operator(clip, network, say)
    size = network.chunk_size(clip.height, clip.width)
    steps = (_aligned if operator.delay == 0 else _delayed)(clip, network, operator, size, report)
    done = 0
    # Explicitly closed: else a traceback would keep the decoder's thread alive.
    with closing(steps), closing(_downloaded(steps, network, alpha)) as chunks:
        for frames, pictures in chunks:
            for frame, picture in zip(frames, pictures.numpy(), strict=True):
                yield replace(frame, picture=picture)
            done += len(frames)
            report("magnifying", done, clip.count)


Step = tuple[list[Frame], Texture, Tensor, Tensor]
"""Frames, with their texture, shape and motion."""


def _downloaded(
    steps: Iterator[Step], network: Network, alpha: float
) -> Generator[tuple[list[Frame], Tensor], None, None]:
    """Frames, with their magnified pictures on the CPU.

    The next chunk is handed to a GPU before the last one is waited for, so that it never idles.
    """
    before: tuple[list[Frame], Download] | None = None
    for frames, texture, shape, motion in steps:
        pictures = network.decode(texture, shape, motion, alpha, like=_stack(frames))
        download = Download(pictures)
        if before is not None:
            yield before[0], before[1].wait()
        before = frames, download
    if before is not None:
        yield before[0], before[1].wait()


def _aligned(
    clip: Clip, network: Network, operator: Operator, size: int, report: Progress
) -> Generator[Step, None, None]:
    """An operator without delay: each frame passes the encoder once."""
    for frames in _chunks(clip, size):
        texture, shape = network.encode(_stack(frames))
        yield frames, texture, shape, operator.feed(shape)


def _delayed(
    clip: Clip, network: Network, operator: Operator, size: int, report: Progress
) -> Generator[Step, None, None]:
    """An operator that lags: frames wait as pictures, and are encoded anew when their turn comes.

    A picture is the cheapest form a frame has (3 bytes a pixel, where texture and shape together
    take 40), and the encoder is about a tenth of a network's work. For an operator that needs the
    whole clip first, the pictures wait in the video file.
    """
    waiting: deque[Frame] = deque()
    whole_clip = operator.delay is None
    again = _decoded(clip) if whole_clip else None

    def motions() -> Iterator[Tensor]:
        done = 0
        for frames in _chunks(clip, size):
            if not whole_clip:
                waiting.extend(frames)
            yield operator.feed(network.encode_shape(_stack(frames)))
            done += len(frames)
            if whole_clip:
                report("analysing", done, clip.count)
        yield from operator.flush()

    with closing(again) if again else nullcontext():
        for motion in motions():
            for part in torch.split(motion, size):
                count = len(part)
                if count:
                    frames = list(islice(again, count)) if again else _take(waiting, count)
                    yield frames, *network.encode(_stack(frames)), part


def _chunks(clip: Clip, size: int) -> Iterator[list[Frame]]:
    with closing(_decoded(clip)) as frames:
        while chunk := list(islice(frames, size)):
            yield chunk


def _decoded(clip: Clip) -> Generator[Frame, None, None]:
    return ahead(clip.frames(), DECODED_AHEAD)


def _take(waiting: deque[Frame], count: int) -> list[Frame]:
    return [waiting.popleft() for _ in range(count)]


def _stack(frames: list[Frame]) -> Tensor:
    return torch.from_numpy(np.stack([frame.picture for frame in frames]))
