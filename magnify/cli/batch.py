"""Several inputs through one engine: names, checks, progress, reports, exit codes."""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from magnify.checkpoints.registry import FIRST_LOOK
from magnify.cli.console import (
    Reporter,
    duration,
    error_line,
    json_line,
    notice_line,
    output_line,
    progress,
    system_error,
)
from magnify.cli.options import Batch
from magnify.cli.report import typed
from magnify.cli.rows import Rows
from magnify.errors import (
    MagnifyError,
    SettingsError,
    TruncatedInputError,
    VideoError,
    out_of_memory,
)
from magnify.interruption import check
from magnify.jobs.history import History
from magnify.messages import Message, counted
from magnify.pipeline.job import Job
from magnify.video.pipes import STANDARD

if TYPE_CHECKING:
    from magnify.jobs.resuming import Elsewhere
    from magnify.pipeline.prepare import Engine
    from magnify.pipeline.run import Report

EXIT_SOME_FAILED = 3

LONG = 60.0
"""Seconds from which on it is worth saying how long a run will take."""

ESTIMATED_AFTER = 2.0
"""Seconds of work that an estimate is made from."""

MAGNIFYING = "magnifying"
"""The stage in which every frame costs the same."""


def run_jobs(jobs: list[Job], batch: Batch) -> None:
    """Runs jobs in order, those after each other with one engine; a failure does not stop others.

    Raises:
        MagnifyError: the only job failed.
        typer.Exit: code 3, some of several jobs failed, or 1, all of them.
    """
    _check_pipes(jobs, batch)
    rows = Rows(batch)
    attempts = Attempts(jobs, rows)
    history = History() if batch.resumes(len(jobs)) else None
    sources = [job.source.path for job in jobs]
    try:
        ready = [
            job
            for job in jobs
            if attempts.succeeds(job, lambda job: _check(job, batch, sources, history))
        ]
        ready = [job for job in ready if not _skipped(job, batch, rows)]
        _run(ready, batch, attempts, history, rows)
    finally:
        rows.write()
    if attempts.failures:
        error_line(f"{attempts.failures} of {len(jobs)} inputs failed")
        raise typer.Exit(1 if attempts.failures == len(jobs) else EXIT_SOME_FAILED)


def _check_pipes(jobs: list[Job], batch: Batch) -> None:
    """Checks that a pipe, and so a page, is all there is to do, and that nothing is in its way.

    Raises:
        SettingsError: it is not, or something is.
    """
    if batch.page is not None and (len(jobs) > 1 or batch.workers is not None):
        raise SettingsError("--report .html is a page about one input; give .json or .csv, a table")
    written = any(job.output.path == STANDARD for job in jobs)
    if not written and all(job.source.path != STANDARD for job in jobs):
        return
    if batch.page is not None:
        raise SettingsError("--report .html shows files, and nothing is left of a pipe")
    if len(jobs) > 1:
        raise SettingsError("-: a pipe carries one video; give no other input beside it")
    if batch.resume or batch.workers is not None or batch.cluster is not None:
        raise SettingsError(
            "-: what comes or goes through a pipe takes no --resume, --workers or --cluster"
        )
    if written and batch.json:
        raise SettingsError(
            "--json and -o - would both print on standard output; use --report FILE"
        )


def _run(
    ready: list[Job], batch: Batch, attempts: "Attempts", history: History | None, rows: Rows
) -> None:
    """Runs the jobs, or describes what they would do."""
    if ready and batch.cluster is not None and not batch.dry_run:
        from magnify.cli.sharing import send_out

        send_out(ready, batch, attempts, history, rows)
    elif ready and batch.workers is not None and not batch.dry_run:
        from magnify.cli.sharing import share_out

        share_out(ready, batch, attempts, rows, resumes=history is not None)
    elif ready:
        from magnify.engine.runtime import tune_process
        from magnify.pipeline.prepare import prepare

        tune_process()
        engine = prepare(ready[0].compute)
        asked = ready[0].compute
        step = _describe if batch.dry_run else partial(magnify_one, history=history, rows=rows)
        for job in ready:
            if job.compute != asked:  # jobs of a list may differ
                engine, asked = prepare(job.compute), job.compute
            attempts.succeeds(job, partial(step, batch=batch, engine=engine))


def in_words(error: Exception) -> MagnifyError | None:
    """What made a job fail, as the user is told it; None for a fault of this program."""
    if isinstance(error, MagnifyError):
        return error
    told = out_of_memory(error)
    if told is None and isinstance(error, OSError):  # a folder not to be looked into
        told = VideoError(system_error(error))
    return told


class Attempts:
    """Runs steps of jobs, and says at once which of several failed, and why."""

    def __init__(self, jobs: list[Job], rows: Rows) -> None:
        self.jobs = jobs
        self.rows = rows
        self.failures = 0
        self._numbers = {id(job): number for number, job in enumerate(jobs, 1)}

    def succeeds(self, job: Job, step: Callable[[Job], None]) -> bool:
        """Whether the step raised nothing.

        Raises:
            MagnifyError: it failed, and there is no other job to go on with.
            Interrupted: a signal is to end the command.
        """
        check()
        try:
            step(job)
        except Exception as error:
            told = in_words(error)
            if told is None:
                raise
            return self._failed(job, told)
        return True

    def _failed(self, job: Job, error: MagnifyError) -> bool:
        failed = {"input": str(job.source.path), "output": str(job.output.path)}
        row = {**failed, "error": str(error)}
        if len(self.jobs) == 1:
            self.rows.keep(row)
            raise error
        self.failures += 1
        number = self._numbers[id(job)]
        error_line(f"[{number}/{len(self.jobs)}] {_naming(job, error)}")
        self.rows.add(row)
        return False


def _check(job: Job, batch: Batch, sources: list[Path], history: "History | None") -> None:
    from magnify.video.writer import is_empty_folder

    output = job.output.path
    if output == STANDARD or not output.exists() or batch.skip_existing or is_empty_folder(output):
        return
    if not job.output.overwrite and not (history and history.knows(output)):
        raise SettingsError(f"{output} exists; use --overwrite to replace it or --skip-existing")
    for other in sources:
        if other != job.source.path and os.path.exists(other) and output.samefile(other):
            raise SettingsError(
                f"{job.source.path}: its output {output} is one of the inputs, which are never "
                "replaced; choose another --output-dir"
            )


def _skipped(job: Job, batch: Batch, rows: Rows) -> bool:
    output = job.output.path
    if not (batch.skip_existing and output.exists()) or output == STANDARD:
        return False
    _tell_skipped(job, batch, rows, "exists, skipped")
    return True


def _tell_skipped(job: Job, batch: Batch, rows: Rows, why: str) -> None:
    if not batch.quiet:
        notice_line(f"{job.output.path} {why}")
    rows.add({"input": str(job.source.path), "output": str(job.output.path), "skipped": True})


def magnify_one(
    job: Job,
    batch: Batch,
    engine: "Engine",
    history: "History | None",
    rows: Rows,
    elsewhere: "Elsewhere | None" = None,
) -> None:
    """Runs one job, and says what came of it.

    Raises:
        MagnifyError: it failed.
    """
    from magnify.pipeline.run import run

    if batch.output_dir is not None:
        _make_folder(job.output.path.parent)
    if history is not None and history.is_done(job, engine):
        _tell_skipped(job, batch, rows, "is done already")
        return
    cautions = _cautions(job, batch)
    with progress(Path(os.path.abspath(job.source.path)).name, quiet=batch.quiet) as reporter:
        if not batch.quiet:
            reporter = _Estimate(reporter, _quicker(engine))
        notify = None if batch.quiet else notice_line
        try:
            report = (
                run(job, engine, reporter, notify)
                if history is None
                else history.run(job, engine, reporter, notify, batch.segment_frames, elsewhere)
            )
        except TruncatedInputError as error:
            _tell(error.report, batch, rows, cautions)
            _write_page(error.report, job, batch)
            raise
    _tell(report, batch, rows, cautions)
    _write_page(report, job, batch)


def _cautions(job: Job, batch: Batch) -> list[Message]:
    """What may spoil the result, said before it is made."""
    if batch.no_cautions or (batch.quiet and not batch.json and batch.report is None):
        return []
    from magnify.analysis.foresight import foreseen

    try:
        found = foreseen(job)
    except MagnifyError:  # the run itself says it, with what it could do nevertheless
        return []
    if not batch.quiet:
        for caution in found:
            notice_line(caution)
    return found


def _quicker(engine: "Engine") -> str:
    """What else could be done, where a large network works."""
    slow = engine.sha256 is not None and engine.model != FIRST_LOOK
    return f"; --model {FIRST_LOOK} takes about an eighth" if slow else ""


class _Estimate:
    """A reporter that also says, once, how long the rest will take, where that is long."""

    def __init__(self, report: "Reporter", quicker: str) -> None:
        self.report, self.quicker = report, quicker
        self.first: tuple[float, int] | None = None
        self.told = False

    def __call__(self, stage: str, done: int, total: int | None, /) -> None:
        self.report(stage, done, total)
        if self.told or stage != MAGNIFYING or total is None:
            return
        now = time.monotonic()
        if self.first is None:  # which took the warming up with it
            self.first = now, done
            return
        elapsed, frames = now - self.first[0], done - self.first[1]
        if elapsed > ESTIMATED_AFTER and frames >= 2:
            self.told = True
            left = (total - done) * elapsed / frames
            if left > LONG:
                notice_line(f"about {duration(left)} left{self.quicker}")


def _tell(report: "Report", batch: Batch, rows: Rows, cautions: list[Message]) -> None:
    if not batch.quiet:
        notice_line(
            f"{report.output}: {counted(report.frames or 0, 'frame')} in {report.seconds:.1f} s"
        )
    _save(report.job, batch)
    rows.add({**report.as_dict(), "cautions": cautions})


def _write_page(report: "Report", job: Job, batch: Batch) -> None:
    """Writes the page of --report, if one is asked for."""
    if batch.page is None:
        return
    from magnify.analysis.report import Part, write_report

    source = job.source
    sampling_rate = getattr(job.mode, "sampling_rate", None)
    part = Part(source.fps, sampling_rate, source.start, source.end, source.max_frames)
    with progress(batch.page.name, quiet=batch.quiet) as reporter:
        write_report(
            source.path,
            [job.output.path],
            batch.page,
            command=typed(),
            part=part,
            job=report.job,
            overwrite=True,
            progress=reporter,
        )
    if not batch.quiet:
        notice_line(f"{batch.page}: a page about it")


def _describe(job: Job, batch: Batch, engine: "Engine") -> None:
    from magnify.pipeline.estimate import estimated_seconds
    from magnify.pipeline.run import plan

    found = plan(job, engine, makes_folder=batch.output_dir is not None)
    _save(found.job, batch)
    cautions = _cautions(job, batch)
    seconds = None if batch.quiet and not batch.json else estimated_seconds(job, engine)
    if batch.json:
        told = None if seconds is None else round(seconds, 1)
        json_line(
            {**found.as_dict(), "cautions": cautions, "dry_run": True, "estimated_seconds": told}
        )
    elif not batch.quiet:
        frames = counted(found.frames, "frame") if found.frames else "unknown frames"
        output_line(
            f"{found.input} -> {found.output}: {frames} of "
            f"{found.width}x{found.height}, alpha {found.alpha:g}, {job.mode.label}, "
            f"{found.layout or found.model} on {found.device} in {found.precision}"
        )
        if seconds is not None and seconds > LONG:
            output_line(f"about {duration(seconds)}{_quicker(engine)}")
        for notice in found.notices:
            notice_line(notice)


def _save(job: dict[str, Any], batch: Batch) -> None:
    """Writes the job, with all that was decided for it, to the file of --save-job."""
    if batch.save_job is None:
        return
    try:
        batch.save_job.write_text(json.dumps(job) + "\n", encoding="utf-8")
    except OSError as error:
        raise VideoError(f"{batch.save_job}: cannot be written: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VideoError(f"cannot make the folder {folder}: {error.strerror}") from error


def _naming(job: Job, error: MagnifyError) -> str:
    message = str(error)
    source = str(job.source.path)
    return message if source in message else f"{source}: {message}"
