"""File → file, array → array: what the command and the Python API call."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from magnify.checkpoints import DEFAULT_MODEL, load_checkpoint
from magnify.engine.compilation import Compile
from magnify.engine.network import Network
from magnify.engine.runtime import Precision, select_runtime
from magnify.errors import SettingsError
from magnify.pipeline.clips import ArrayClip, VideoClip
from magnify.pipeline.modes import Mode, Notify, Static
from magnify.pipeline.stream import Progress, magnified_frames
from magnify.pipeline.threads import behind
from magnify.version import __version__
from magnify.video import Encoding, Picture, VideoWriter

LARGEST_ALPHA = 10_000.0
"""Far beyond what any network can follow; not far from there, its numbers overflow."""
WRITTEN_BEHIND = 8
"""Magnified frames that wait for the encoder, at most."""


@dataclass(frozen=True)
class Engine:
    """A network ready to run, and where its weights came from."""

    network: Network
    model: str
    sha256: str

    @property
    def card(self) -> int:
        """The NVIDIA card that it runs on, else the first there is."""
        return self.network.runtime.device.index or 0


def load_engine(
    weights: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    precision: Precision = "auto",
    *,
    compile: Compile = "auto",
) -> Engine:
    """Loads built-in weights by name, or a checkpoint file, onto a device.

    `compile` has PyTorch compile the network when it meets its first frames, and anew for frames
    of another size: minutes on a CPU. What it made is kept for later runs. `auto` does so for
    clips that are estimated to repay it, `on` for all, `off` for none.

    Raises:
        CheckpointError: the weights cannot be read or recognised.
        SettingsError: the device does not exist here.
    """
    runtime = select_runtime(device, precision)
    checkpoint = load_checkpoint(weights)
    network = Network(checkpoint.build(), runtime, compile=compile)
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
    compiled: bool
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
    hwaccel: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    notify: Notify | None = None,
) -> Report:
    """Magnifies the motion in a video file; everything else about it stays as it was.

    Args:
        source: a video file, a folder of pictures or a printf pattern (these need `fps`).
        output: the file to write; its name decides the container.
        alpha: the total factor, 0 to 10,000: 1 leaves the motion as it is, below 1 attenuates it.
        mode: what counts as motion; `Static()` (since the first frame) by default.
        weights: a built-in name, a checkpoint file, or what `load_engine` gave.
        start, end: seconds from the first frame; frames outside are left out.
        max_frames: stop after that many frames.
        hwaccel: decode on the NVIDIA card that the network runs on (else the first there is), where
            it can; a notice says if it cannot.
        progress: is told how far it is.
        notify: is told, at once, what else the report's `notices` will hold: warnings, and what
            of the source could not be kept.

    Raises:
        SettingsError: a value cannot work, for this video or at all.
        VideoError: the input cannot be read or the output cannot be written; no file is left.
        TruncatedInputError: the input ended early; what could be decoded *was* written.
    """
    check_alpha(alpha)
    mode = mode or Static()
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    began = time.perf_counter()
    card = engine.card if hwaccel else None
    clip = VideoClip(source, fps=fps, start=start, end=end, max_frames=max_frames, card=card)
    notices: list[str] = []

    def say(notice: str) -> None:
        notices.append(notice)
        if notify is not None:
            notify(notice)

    for warning in (*clip.notices, *mode.check(clip)):
        say(warning)
    metadata = {"comment": f"magnify {__version__}: {mode.label}, alpha {alpha:g}, {engine.model}"}
    count = 0
    with (
        VideoWriter(
            output, clip.info, encoding or Encoding(), overwrite=overwrite, metadata=metadata
        ) as writer,
        behind(writer.write, WRITTEN_BEHIND) as write,
    ):
        told = len(writer.notices)
        for notice in writer.notices:
            say(notice)
        with closing(magnified_frames(clip, engine.network, mode, alpha, progress, say)) as frames:
            for frame in frames:
                write(frame)
                count += 1
    for notice in writer.notices[told:]:
        say(notice)
    if clip.truncated is not None:
        notices.append(str(clip.truncated))
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
        compiled=engine.network.compiled,
        notices=notices,
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
    notify: Notify | None = None,
) -> Picture:
    """Magnifies the motion in pictures (T, H, W, 3), RGB, uint8 or uint16; the same shape and type.

    `fps` is the sampling rate that a band-pass mode measures its frequencies in; `notify` is told
    what the mode warns of.

    Raises:
        SettingsError: the array is no such pictures, or a value cannot work.
    """
    check_alpha(alpha)
    mode = mode or Static()
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    clip = ArrayClip(pictures, fps)
    say = notify or (lambda notice: None)
    for warning in mode.check(clip):
        say(warning)
    output = np.empty_like(pictures)
    frames = magnified_frames(clip, engine.network, mode, alpha, notify=say)
    for number, frame in enumerate(frames):
        output[number] = frame.picture
    return output


def check_alpha(alpha: float) -> None:
    if not 0 <= alpha <= LARGEST_ALPHA:
        raise SettingsError(f"alpha must be a number from 0 to {LARGEST_ALPHA:g}, not {alpha:g}")
