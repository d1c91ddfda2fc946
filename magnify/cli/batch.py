"""Several inputs through one engine: names, checks, progress, reports, exit codes."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from magnify.cli.console import error_line, notice_line, progress, system_error
from magnify.cli.options import Common, HwAccel
from magnify.errors import MagnifyError, SettingsError, TruncatedInputError, VideoError

if TYPE_CHECKING:
    from magnify.pipeline.modes import Mode
    from magnify.pipeline.run import Engine, Report
    from magnify.video import Encoding, VideoInfo

EXIT_SOME_FAILED = 3


@dataclass(frozen=True)
class Job:
    """One input and where its result goes."""

    input: Path
    output: Path


def magnify_all(common: Common, mode: "Mode") -> None:
    """Magnifies every input; one failure does not stop the others.

    Raises:
        SettingsError: the command as a whole cannot work.
        MagnifyError: the only input failed.
        typer.Exit: code 3, some of several inputs failed, or 1, all of them.
    """
    from magnify.pipeline.run import check_alpha

    check_alpha(common.alpha)
    jobs = plan(common, mode.label + _network_label(common))
    failures: list[tuple[Job, MagnifyError]] = []
    ready = [job for job in jobs if _attempt(job, lambda job: _check(job, common), failures)]
    ready = [job for job in ready if not _skipped(job, common)]
    if ready:
        engine = _engine(common)
        step = _describe if common.dry_run else _magnify
        for job in ready:
            _attempt(job, lambda job: step(job, common, mode, engine), failures)
    if failures and len(jobs) == 1:
        raise failures[0][1]
    for job, error in failures:
        error_line(_naming(job, error))
    if failures:
        error_line(f"{len(failures)} of {len(jobs)} inputs failed")
        raise typer.Exit(1 if len(failures) == len(jobs) else EXIT_SOME_FAILED)


def plan(common: Common, label: str) -> list[Job]:
    """Each input's output: beside it, named after what is done to it, unless told otherwise."""
    jobs: list[Job] = []
    for source in common.inputs:
        place = _place(source)
        stem = place.name if os.path.isdir(source) else place.stem
        if not os.path.exists(source):
            stem = re.sub(r"[._-]*%0?\d*d[._-]*", "", stem)
        suffix = ".mkv" if common.lossless else ".mp4"
        name = f"{stem or 'frames'}_x{common.alpha:g}_{label}{suffix}"
        output = common.output or (common.output_dir or place.parent) / name
        for job in jobs:
            if job.output == output:
                raise SettingsError(
                    f"{job.input} and {source} would both be written to {output}; "
                    "process them one by one with --output"
                )
        jobs.append(Job(source, output))
    return jobs


def _place(source: Path) -> Path:
    """Its whole path, so that "." has a name; of a link, that of the link."""
    return Path(os.path.abspath(source))


def _network_label(common: Common) -> str:
    """What tells results of other weights than the default ones from theirs."""
    from magnify.checkpoints import DEFAULT_MODEL

    if common.weights is not None:
        return f"_{common.weights.stem}"
    chosen = DEFAULT_MODEL if common.model is None else common.model.value
    return "" if chosen == DEFAULT_MODEL else f"_{chosen}"


def _attempt(
    job: Job, step: Callable[[Job], None], failures: list[tuple[Job, MagnifyError]]
) -> bool:
    try:
        step(job)
    except MagnifyError as error:
        failures.append((job, error))
        return False
    except OSError as error:  # such as a folder that may not be looked into
        if error.filename is None:  # but not standard output, which is all inputs' matter
            raise
        failures.append((job, VideoError(system_error(error))))
        return False
    return True


def _check(job: Job, common: Common) -> None:
    from magnify.video.writer import is_empty_folder

    output = job.output
    if not output.exists() or common.skip_existing or is_empty_folder(output):
        return
    if not common.overwrite:
        raise VideoError(f"{output} exists; use --overwrite to replace it or --skip-existing")
    for other in common.inputs:
        if other != job.input and os.path.exists(other) and output.samefile(other):
            raise VideoError(
                f"{job.input}: its output {output} is one of the inputs, which are never replaced; "
                "choose another --output-dir"
            )


def _skipped(job: Job, common: Common) -> bool:
    if not (common.skip_existing and job.output.exists()):
        return False
    if not common.quiet:
        notice_line(f"{job.output} exists, skipped")
    return True


def _engine(common: Common) -> "Engine":
    from magnify.checkpoints import DEFAULT_MODEL
    from magnify.pipeline.run import load_engine

    name = common.model.value if common.model else None
    engine = load_engine(
        common.weights or name or DEFAULT_MODEL,
        common.device,
        common.precision.value,
        compile=common.compile.value,
    )
    if name is not None and engine.network.model.name != name:
        raise SettingsError(
            f"{common.weights} holds {engine.network.model.name}, not {name}; leave out --model"
        )
    return engine


def _encoding(common: Common) -> "Encoding":
    from magnify.video import Encoding

    return Encoding(
        codec=common.codec,
        crf=common.crf,
        preset=common.preset,
        pixel_format=common.pix_fmt,
        lossless=common.lossless,
        audio=not common.no_audio,
    )


def _magnify(job: Job, common: Common, mode: "Mode", engine: "Engine") -> None:
    from magnify.pipeline.run import magnify_video

    if common.output_dir is not None:
        _make_folder(common.output_dir)
    try:
        with progress(_place(job.input).name, quiet=common.quiet) as reporter:
            report = magnify_video(
                job.input,
                job.output,
                alpha=common.alpha,
                mode=mode,
                weights=engine,
                encoding=_encoding(common),
                fps=common.fps,
                start=common.start,
                end=common.end,
                max_frames=common.max_frames,
                hwaccel=common.hwaccel is HwAccel.auto,
                overwrite=common.overwrite,
                progress=reporter,
                notify=None if common.quiet else notice_line,
            )
    except TruncatedInputError as error:
        _tell(error.report, common)
        raise
    _tell(report, common)


def _tell(report: "Report", common: Common) -> None:
    if not common.quiet:
        notice_line(f"{report.output}: {report.frames} frames in {report.seconds:.1f} s")
    if common.json:
        typer.echo(json.dumps(report.as_dict()))


def _describe(job: Job, common: Common, mode: "Mode", engine: "Engine") -> None:
    from magnify.pipeline.clips import VideoClip

    clip = VideoClip(
        job.input,
        fps=common.fps,
        start=common.start,
        end=common.end,
        max_frames=common.max_frames,
        card=engine.card if common.hwaccel is HwAccel.auto else None,
    )
    notices = [*clip.notices, *mode.check(clip), *_losses(job, common, clip.info)]
    mode.operator(clip, engine.network, notices.append)
    facts = {
        "input": str(job.input),
        "output": str(job.output),
        "frames": clip.count,
        "width": clip.width,
        "height": clip.height,
        "alpha": common.alpha,
        "mode": mode.describe(clip),
        "model": engine.model,
        "weights_sha256": engine.sha256,
        "device": str(engine.network.runtime.device),
        "precision": engine.network.runtime.precision,
        "compiled": engine.network.repays_compiling(clip.height, clip.width, clip.count),
        "notices": notices,
        "dry_run": True,
    }
    if common.json:
        typer.echo(json.dumps(facts))
    elif not common.quiet:
        typer.echo(
            f"{job.input} -> {job.output}: {clip.count or 'unknown'} frames of "
            f"{clip.width}x{clip.height}, alpha {common.alpha:g}, {mode.label}, {engine.model} "
            f"on {facts['device']} in {facts['precision']}"
        )
        for notice in notices:
            notice_line(notice)


def _losses(job: Job, common: Common, source: "VideoInfo") -> list[str]:
    """What the writer will say: it is opened, and leaves nothing behind."""
    from magnify.video import VideoWriter

    with TemporaryDirectory() as folder:
        made_later = common.output_dir is not None and not common.output_dir.exists()
        if made_later:
            _check_place(job.output.parent)
        output = Path(folder, job.output.name) if made_later else job.output
        writer = VideoWriter(output, source, _encoding(common), overwrite=common.overwrite)
        writer.discard()
    return writer.notices


def _check_place(folder: Path) -> None:
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise VideoError(f"cannot make the folder {folder}: {there} is no folder to write to")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"cannot make the folder {folder}: {error.strerror}") from error


def _naming(job: Job, error: MagnifyError) -> str:
    message = str(error)
    return message if str(job.input) in message else f"{job.input}: {message}"
