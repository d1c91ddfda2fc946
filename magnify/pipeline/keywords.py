"""The same by keywords, for Python: a file to a file, an array to an array."""

from pathlib import Path

import numpy as np

from magnify.checkpoints import DEFAULT_MODEL
from magnify.engine.choices import Precision
from magnify.messages import Notify
from magnify.pipeline.alpha import check_alpha
from magnify.pipeline.clips import ArrayClip
from magnify.pipeline.job import Job, Output, Source
from magnify.pipeline.modes import Mode, Static
from magnify.pipeline.prepare import Engine, load_engine
from magnify.pipeline.run import Report, run
from magnify.pipeline.stream import Progress, magnified_frames
from magnify.video import Encoding, Picture


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
    """Magnifies the motion in a video file: `run` of a job, by keywords.

    Args:
        source: a video file, a folder of pictures or a printf pattern (these need `fps`).
        output: the file to write; its name decides the container.
        alpha: the total factor, 0 to 10,000: 1 leaves the motion as it is, below 1 attenuates it.
        mode: what counts as motion; `Static()` (since the first frame) by default.
        weights: a model's name, a checkpoint file, or what `load_engine` gave.
        start, end: seconds from the first frame; frames outside are left out.
        max_frames: stop after that many frames.
        hwaccel: decode on the NVIDIA card that the network runs on (else the first there is), where
            it can; a notice says if it cannot.
        progress, notify: as for `run`.

    Raises:
        MagnifyError: as `run` does.
    """
    check_alpha(alpha)  # before the weights are loaded
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    job = Job(
        Source(Path(source), fps, start, end, max_frames, "auto" if hwaccel else "off"),
        Output(Path(output), encoding or Encoding(), overwrite),
        mode or Static(),
        alpha,
        engine.compute,
    )
    return run(job, engine, progress, notify)


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
    mode.check_alpha(alpha)
    engine = weights if isinstance(weights, Engine) else load_engine(weights, device, precision)
    clip = ArrayClip(pictures, fps)
    say = notify or (lambda notice: None)
    mode = mode.settled(clip, engine.network, say)
    mode.check(clip, say)
    output = np.empty_like(pictures)
    frames = magnified_frames(clip, engine.network, mode, alpha, notify=say)
    for number, frame in enumerate(frames):
        output[number] = frame.picture
    return output
