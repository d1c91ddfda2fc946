"""Frames → magnified frames, file → file.

A frame's way: decode (thread) → encode by the network → the mode's operator → manipulate, decode
→ write (thread). One output frame for each input frame, in order, each with the time stamps it
came with.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from magnify.checkpoints import DEFAULT_MODEL, load_checkpoint
from magnify.clips import ArrayClip, Clip, VideoClip
from magnify.errors import SettingsError
from magnify.models import Texture
from magnify.modes import Mode, Notify, Static
from magnify.runtime import Network, Precision, select_runtime
from magnify.temporal.operators import Operator
from magnify.threads import ahead, behind
from magnify.version import __version__
from magnify.video import Encoding, Frame, Picture, VideoWriter

DECODED_AHEAD = 8
"""Frames that wait in front of the network, and behind it, at most (beyond the current chunk)."""

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("analysing" or "magnifying"), frames done, and frames in all if known."""


@dataclass(frozen=True)
class Engine:
    """A network ready to run, and where its weights came from."""

    network: Network
    model: str
    sha256: str


def load_engine(
    weights: str | Path = DEFAULT_MODEL, device: str = "auto", precision: Precision = "auto"
) -> Engine:
    """Loads built-in weights by name, or a checkpoint file, onto a device.

    Raises:
        CheckpointError: the weights cannot be read or recognised.
        SettingsError: the device does not exist here.
    """
    runtime = select_runtime(device, precision)
    checkpoint = load_checkpoint(weights)
    network = Network(checkpoint.build(), runtime)
    return Engine(network, checkpoint.layout.name, checkpoint.sha256)


@dataclass(frozen=True)
class Report:
    """What was done for one output."""

    input: str
    output: str
    frames: int
    seconds: float
    alpha: float
    mode: dict[str, Any]
    model: str
    weights_sha256: str
    device: str
    precision: str
    notices: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def magnify_video(
    source: str | Path,
    output: str | Path,
    *,
    alpha: float = 20.0,
    mode: Mode | None = None,
    weights: str | Path | Engine = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    encoding: Encoding | None = None,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_frames: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Magnifies the motion in a video file; everything else about it stays as it was.

    Args:
        source: a video file, a folder of pictures or a printf pattern (these need `fps`).
        output: the file to write; its name decides the container.
        alpha: the total factor: 1 leaves the motion as it is, below 1 attenuates it.
        mode: what counts as motion; `Static()` (since the first frame) by default.
        weights: a built-in name, a checkpoint file, or what `load_engine` gave.
        start, end: seconds from the first frame; frames outside are left out.
        max_frames: stop after that many frames.

    Raises:
        SettingsError: a value cannot work, for this video or at all.
        VideoError: the input cannot be read or the output cannot be written; no file is left.
        TruncatedInputError: the input ended early; what could be decoded *was* written.
    """
    check_alpha(alpha)
    mode = mode or Static()
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    began = time.perf_counter()
    clip = VideoClip(source, fps=fps, start=start, end=end, max_frames=max_frames)
    notices = mode.check(clip)
    metadata = {"comment": f"magnify {__version__}: {mode.label}, alpha {alpha:g}, {engine.model}"}
    count = 0
    with (
        VideoWriter(
            output, clip.info, encoding or Encoding(), overwrite=overwrite, metadata=metadata
        ) as writer,
        behind(writer.write, DECODED_AHEAD) as write,
    ):
        for frame in magnified_frames(clip, engine.network, mode, alpha, progress, notices.append):
            write(frame)
            count += 1
    report = Report(
        input=str(source),
        output=str(output),
        frames=count,
        seconds=round(time.perf_counter() - began, 3),
        alpha=alpha,
        mode=mode.describe(clip),
        model=engine.model,
        weights_sha256=engine.sha256,
        device=str(engine.network.runtime.device),
        precision=engine.network.runtime.precision,
        notices=[*notices, *writer.notices],
    )
    if clip.truncated is not None:
        clip.truncated.report = report
        raise clip.truncated
    return report


def magnify_frames(
    pictures: Picture,
    *,
    alpha: float = 20.0,
    mode: Mode | None = None,
    weights: str | Path | Engine = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    fps: float = 30.0,
) -> Picture:
    """Magnifies the motion in pictures (T, H, W, 3), RGB, uint8 or uint16; the same shape and type.

    `fps` is the sampling rate that a band-pass mode measures its frequencies in.

    Raises:
        SettingsError: the array is no such pictures, or a value cannot work.
    """
    check_alpha(alpha)
    mode = mode or Static()
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    clip = ArrayClip(pictures, fps)
    mode.check(clip)
    output = np.empty_like(pictures)
    for number, frame in enumerate(magnified_frames(clip, engine.network, mode, alpha)):
        output[number] = frame.picture
    return output


def check_alpha(alpha: float) -> None:
    if not (np.isfinite(alpha) and alpha >= 0):
        raise SettingsError(f"alpha must be a finite number, 0 or more, not {alpha}")


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
    operator = mode.operator(clip, network, notify or (lambda notice: None))
    size = network.chunk_size(clip.height, clip.width)
    steps = (_aligned if operator.delay == 0 else _delayed)(clip, network, operator, size, report)
    done = 0
    # Explicitly closed: else a traceback would keep the decoder's thread alive.
    with closing(steps):
        for frames, texture, shape, motion in steps:
            pictures = network.decode(texture, shape, motion, alpha, like=_stack(frames))
            for frame, picture in zip(frames, pictures.numpy(), strict=True):
                yield replace(frame, picture=picture)
            done += len(frames)
            report("magnifying", done, clip.count)


Step = tuple[list[Frame], Texture, Tensor, Tensor]
"""Frames, with their texture, shape and motion."""


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
