"""Several inputs through one engine: names, checks, progress, reports, exit codes."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from magnify.cli.console import (
    error_line,
    json_line,
    notice_line,
    output_line,
    progress,
    system_error,
)
from magnify.cli.options import Batch, Request
from magnify.errors import (
    MagnifyError,
    SettingsError,
    TruncatedInputError,
    VideoError,
    out_of_memory,
)
from magnify.interruption import check
from magnify.pipeline.job import Job
from magnify.pipeline.modes import Mode

if TYPE_CHECKING:
    from magnify.pipeline.prepare import Engine
    from magnify.pipeline.run import Report

EXIT_SOME_FAILED = 3

REPEATED = {"from_job", "output", "overwrite", "quiet", "json", "dry_run", "save_job"}
"""What may be said beside --from-job; everything else is in the job."""


def magnify_all(request: Request, mode: Mode) -> None:
    """Magnifies every input; one failure does not stop the others.

    Raises:
        SettingsError: the command as a whole cannot work.
        MagnifyError: the only input failed.
        typer.Exit: code 3, some of several inputs failed, or 1, all of them.
    """
    if not request.batch.inputs:
        raise SettingsError("INPUT is missing: name a video, or a job (magnify run --from-job)")
    run_jobs(jobs_of(request, mode), request.batch)


def repeat_job(file: Path, request: Request, context: typer.Context) -> None:
    """Runs the job that a file describes; its output may be given another name.

    Raises:
        SettingsError: the file holds no job, or an option is given that the job decides.
        MagnifyError: the job failed.
    """
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in REPEATED:
            shown = "INPUT" if name == "inputs" else f"--{name.replace('_', '-')}"
            raise SettingsError(f"{shown} is decided by the job of --from-job; leave it out")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read as a job ({error})") from error
    try:
        job = Job.from_json(text)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from error
    output = replace(
        job.output,
        path=request.batch.output or job.output.path,
        overwrite=request.output.overwrite or job.output.overwrite,
    )
    run_jobs([replace(job, output=output)], request.batch)


def run_jobs(jobs: list[Job], batch: Batch) -> None:
    """Runs jobs that share an engine, in order; one failure does not stop the others.

    Raises:
        MagnifyError: the only job failed.
        typer.Exit: code 3, some of several jobs failed, or 1, all of them.
    """
    attempts = Attempts(jobs, batch)
    sources = [job.source.path for job in jobs]
    ready = [job for job in jobs if attempts.succeeds(job, lambda job: _check(job, batch, sources))]
    ready = [job for job in ready if not _skipped(job, batch)]
    if ready:
        from magnify.engine.runtime import tune_process
        from magnify.pipeline.prepare import prepare

        tune_process()
        engine = prepare(ready[0].compute)
        step = _describe if batch.dry_run else _magnify
        for job in ready:
            attempts.succeeds(job, lambda job: step(job, batch, engine))
    if attempts.failures:
        error_line(f"{attempts.failures} of {len(jobs)} inputs failed")
        raise typer.Exit(1 if attempts.failures == len(jobs) else EXIT_SOME_FAILED)


class Attempts:
    """Runs steps of jobs, and says at once which of several failed, and why."""

    def __init__(self, jobs: list[Job], batch: Batch) -> None:
        self.jobs = jobs
        self.batch = batch
        self.failures = 0

    def succeeds(self, job: Job, step: Callable[[Job], None]) -> bool:
        """Whether the step raised nothing.

        Raises:
            MagnifyError: it failed, and there is no other job to go on with.
            Interrupted: a signal is to end the command.
        """
        check()
        try:
            step(job)
        except MagnifyError as error:
            return self._failed(job, error)
        except Exception as error:
            told = out_of_memory(error)
            if told is None and isinstance(error, OSError):  # a folder not to be looked into
                told = VideoError(system_error(error))
            if told is None:
                raise
            return self._failed(job, told)
        return True

    def _failed(self, job: Job, error: MagnifyError) -> bool:
        if len(self.jobs) == 1:
            raise error
        self.failures += 1
        number = self.jobs.index(job) + 1
        error_line(f"[{number}/{len(self.jobs)}] {_naming(job, error)}")
        if self.batch.json:
            failed = {"input": str(job.source.path), "output": str(job.output.path)}
            json_line({**failed, "error": str(error)})
        return False


def jobs_of(request: Request, mode: Mode) -> list[Job]:
    """A job for each input; its output lies beside it, named after what is done to it."""
    batch = request.batch
    labels = [f"x{batch.alpha:g}", mode.label]
    if request.compute.label:
        labels.append(request.compute.label)
    suffix = ".mkv" if request.output.encoding.lossless else ".mp4"
    jobs: dict[Path, Job] = {}
    for source in batch.inputs or ():
        place = _place(source)
        stem = place.name if os.path.isdir(source) else place.stem
        if not os.path.exists(source):
            stem = re.sub(r"[._-]*%0?\d*d[._-]*", "", stem)
        name = "_".join((stem or "frames", *labels)) + suffix
        output = batch.output or (batch.output_dir or place.parent) / name
        if output in jobs:
            raise SettingsError(
                f"{jobs[output].source.path} and {source} would both be written to {output}; "
                "process them one by one with --output"
            )
        jobs[output] = request.job(source, output, mode)
    return list(jobs.values())


def _place(source: Path) -> Path:
    """Its whole path, so that "." has a name; of a link, that of the link."""
    return Path(os.path.abspath(source))


def _check(job: Job, batch: Batch, sources: list[Path]) -> None:
    from magnify.video.writer import is_empty_folder

    output = job.output.path
    if not output.exists() or batch.skip_existing or is_empty_folder(output):
        return
    if not job.output.overwrite:
        raise VideoError(f"{output} exists; use --overwrite to replace it or --skip-existing")
    for other in sources:
        if other != job.source.path and os.path.exists(other) and output.samefile(other):
            raise VideoError(
                f"{job.source.path}: its output {output} is one of the inputs, which are never "
                "replaced; choose another --output-dir"
            )


def _skipped(job: Job, batch: Batch) -> bool:
    if not (batch.skip_existing and job.output.path.exists()):
        return False
    if not batch.quiet:
        notice_line(f"{job.output.path} exists, skipped")
    if batch.json:
        facts = {"input": str(job.source.path), "output": str(job.output.path), "skipped": True}
        json_line(facts)
    return True


def _magnify(job: Job, batch: Batch, engine: "Engine") -> None:
    from magnify.pipeline.run import run

    _save(job, batch, engine)
    if batch.output_dir is not None:
        _make_folder(batch.output_dir)
    try:
        with progress(_place(job.source.path).name, quiet=batch.quiet) as reporter:
            report = run(job, engine, reporter, None if batch.quiet else notice_line)
    except TruncatedInputError as error:
        _tell(error.report, batch)
        raise
    _tell(report, batch)


def _tell(report: "Report", batch: Batch) -> None:
    if not batch.quiet:
        notice_line(f"{report.output}: {report.frames} frames in {report.seconds:.1f} s")
    if batch.json:
        json_line(report.as_dict())


def _describe(job: Job, batch: Batch, engine: "Engine") -> None:
    from magnify.pipeline.run import plan

    _save(job, batch, engine)
    found = plan(job, engine, makes_folder=batch.output_dir is not None)
    if batch.json:
        json_line({**found.as_dict(), "dry_run": True})
    elif not batch.quiet:
        output_line(
            f"{found.input} -> {found.output}: {found.frames or 'unknown'} frames of "
            f"{found.width}x{found.height}, alpha {found.alpha:g}, {job.mode.label}, "
            f"{found.layout or found.model} on {found.device} in {found.precision}"
        )
        for notice in found.notices:
            notice_line(notice)


def _save(job: Job, batch: Batch, engine: "Engine") -> None:
    """Writes the job to the file of --save-job."""
    if batch.save_job is None:
        return
    known = replace(job, compute=engine.compute)
    try:
        batch.save_job.write_text(known.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{batch.save_job}: cannot be written: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"cannot make the folder {folder}: {error.strerror}") from error


def _naming(job: Job, error: MagnifyError) -> str:
    message = str(error)
    source = str(job.source.path)
    return message if source in message else f"{source}: {message}"
