"""A job from end to end: what is known of it beforehand, and the run itself."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from magnify.errors import TruncatedInputError, VideoError
from magnify.messages import Message, Notify
from magnify.motion.regions import Region
from magnify.pipeline.clips import VideoClip
from magnify.pipeline.job import WHOLE, Job, Output
from magnify.pipeline.prepare import Engine, prepare
from magnify.pipeline.stream import Progress, magnified_frames, with_reference
from magnify.pipeline.threads import behind
from magnify.pipeline.window import Window, region_mask
from magnify.version import __version__
from magnify.video import VideoInfo, VideoWriter
from magnify.video.encoding import container_suffix
from magnify.video.pipes import STANDARD

WRITTEN_BEHIND = 8
"""Magnified frames that wait for the encoder, at most."""


@dataclass(frozen=True)
class Plan:
    """What is known of a job before its first frame.

    Attributes:
        frames: how many there are, as far as it is known before reading them.
        mode: the mode's settings, with what follows from the clip.
        compiled: whether the network passes PyTorch's compiler.
        notices: what the user is told, one line each.
        job: the job itself, as plain data, with the weights' sha256.
    """

    input: str
    output: str
    frames: int | None
    width: int
    height: int
    alpha: float
    mode: dict[str, Any]
    model: str
    layout: str | None
    weights_sha256: str | None
    device: str
    precision: str
    compiled: bool
    notices: list[str]
    job: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Report(Plan):
    """What was done for one output: the plan, with what was measured.

    `frames` is how many were written, `seconds` how long it took.
    """

    seconds: float


def plan(job: Job, engine: Engine | None = None, *, makes_folder: bool = False) -> Plan:
    """Everything that is known of a job before its first frame, after all checks.

    Args:
        engine: what `prepare` made of `job.compute`, for several jobs of the same.
        makes_folder: the output's folder will be made before the job runs.

    Raises:
        MagnifyError: the job cannot run; the message says why.
    """
    engine = engine or prepare(job.compute)
    notices: list[str] = []
    clip = open_clip(job, engine, notices.append)
    job = replace(job, mode=job.mode.settled(clip, engine.network, notices.append))
    job.mode.check(clip, notices.append)
    _check_output(job.output, clip.info, makes_folder, notices.append)
    reference = None
    if job.mode.reference_frames:
        with closing(clip.frames()) as frames:
            reference, _ = with_reference(clip, frames, job.mode.reference_frames)
    job.mode.operator(clip, engine.network, reference, job.factor, notices.append)
    compiled = engine.network.repays_compiling(clip.height, clip.width, clip.count)
    return Plan(**_facts(job, clip, engine), compiled=compiled, notices=notices)


def run(
    job: Job,
    engine: Engine | None = None,
    progress: Progress | None = None,
    notify: Notify | None = None,
    write: "Way | None" = None,
) -> Report:
    """Magnifies the motion in a video; everything else about it stays as it was.

    Args:
        engine: what `prepare` made of `job.compute`, for several jobs of the same.
        progress: is told how far it is.
        notify: is told, at once, what else the report's `notices` will hold: warnings, and what
            of the source could not be kept.
        write: how the output comes to be; all at once by default.

    Raises:
        SettingsError: a value cannot work, for this video or at all.
        VideoError: the input cannot be read or the output cannot be written; no file is left.
        TruncatedInputError: the input ended early; what could be decoded *was* written.
    """
    engine = engine or prepare(job.compute)
    began = time.perf_counter()
    notices: list[str] = []

    def say(message: Message) -> None:
        notices.append(message)
        if notify is not None:
            notify(message)

    clip = open_clip(job, engine, say)
    job = replace(job, mode=job.mode.settled(clip, engine.network, say))
    job.mode.check(clip, say)
    count = (write or write_whole)(job, clip, engine, progress, say)
    if clip.truncated is not None:
        notices.append(str(clip.truncated))
    facts = {**_facts(job, clip, engine), "frames": count}
    seconds = round(time.perf_counter() - began, 3)
    compiled = engine.network.compiled
    report = Report(**facts, compiled=compiled, notices=notices, seconds=seconds)
    if clip.truncated is not None:
        clip.truncated.report = report
        raise clip.truncated
    return report


Way = Callable[[Job, VideoClip, Engine, Progress | None, Notify], int]
"""How an output is written; gives how many frames it has. What was damaged, the clip says."""


def write_whole(
    job: Job, clip: VideoClip, engine: Engine, progress: Progress | None, say: Notify
) -> int:
    """Magnifies and writes all frames, one after the other; how many there were."""
    count = 0
    with (
        open_writer(job, clip, engine, say) as writer,
        behind(writer.write, WRITTEN_BEHIND) as write,
    ):
        frames = magnified_frames(clip, engine.network, job.mode, job.factor, progress, say)
        with closing(frames):
            for frame in clip.finished(frames):
                write(frame)
                count += 1
    note_damage(job, clip, writer)
    return count


def open_writer(job: Job, clip: VideoClip, engine: Engine, say: Notify) -> VideoWriter:
    """The writer of a job's output, whose tags say how it was made.

    Raises:
        SettingsError, VideoError: it cannot be written so, or there.
    """
    made_by = engine.layout or engine.model
    alpha = f"{job.alpha:g}" if job.alpha_curve is None else str(job.alpha_curve)
    comment = f"magnify {__version__}: {job.mode.label}, alpha {alpha}, {made_by}"
    output = job.output
    return VideoWriter(
        output.path,
        clip.info,
        output.encoding,
        overwrite=output.overwrite,
        metadata={"comment": comment},
        notify=say,
    )


def note_damage(job: Job, clip: VideoClip, writer: VideoWriter) -> None:
    """Has the clip say what of its sound and the like was damaged, where nothing else was."""
    if writer.damage is not None and clip.truncated is None:
        clip.truncated = TruncatedInputError(f"{job.source.path}: {writer.damage}")


def open_clip(job: Job, engine: Engine, notify: Notify) -> VideoClip:
    """What a job reads: the part of the video, and of its pictures, that the model has to see.

    Raises:
        SettingsError, VideoError: it cannot be read so.
    """
    source = job.source
    clip = VideoClip(
        source.path,
        fps=source.fps,
        start=source.start,
        end=source.end,
        max_frames=source.max_frames,
        card=engine.card if source.hwaccel == "auto" else None,
        notify=notify,
    )
    if source.longest is not None:
        clip.shrink(source.longest)
    if source.stabilise is not None:
        whole = source.stabilise == WHOLE
        clip.steady(None if whole else region_mask(Region.parse(source.stabilise), clip.info))
    if not job.selection.is_all:
        clip.look_through(Window(job.selection, clip.info, engine.network.model))
    return clip


def _facts(job: Job, clip: VideoClip, engine: Engine) -> dict[str, Any]:
    """What a plan and a report have in common."""
    return {
        "input": str(job.source.path),
        "output": str(job.output.path),
        "frames": clip.count,
        "width": clip.info.width,
        "height": clip.info.height,
        "alpha": job.alpha,
        "mode": job.mode.describe(clip),
        "model": engine.model,
        "layout": engine.layout,
        "weights_sha256": engine.sha256,
        "device": str(engine.network.runtime.device),
        "precision": engine.network.runtime.precision,
        "job": replace(job, compute=engine.compute).to_dict(),
    }


def _check_output(output: Output, source: VideoInfo, makes_folder: bool, notify: Notify) -> None:
    """Has the writer say what it will say: it is opened, and leaves nothing behind."""
    encoding, overwrite = output.encoding, output.overwrite
    with TemporaryDirectory() as folder:
        made_later = makes_folder and not output.path.parent.exists()
        path = output.path
        if path == STANDARD:
            path = Path(folder, "pipe").with_suffix(container_suffix(path, encoding))
            encoding = replace(encoding, container=None)
        elif made_later:
            _check_place(path.parent)
            path = Path(folder, path.name)
        VideoWriter(path, source, encoding, overwrite=overwrite, notify=notify).discard()


def _check_place(folder: Path) -> None:
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise VideoError(f"cannot make the folder {folder}: {there} is no folder to write to")
