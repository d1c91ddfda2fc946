"""From what a command was asked to its jobs: one for each input, or one that a file describes."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import typer

from magnify.checkpoints.registry import DEFAULT_MODEL, FIRST_LOOK
from magnify.cli.batch import run_jobs
from magnify.cli.console import duration, notice_line
from magnify.cli.options import Request
from magnify.errors import SettingsError
from magnify.jobs.inputs import Input, expanded, listed
from magnify.jobs.names import check_template, output_name, stem_of
from magnify.messages import Message
from magnify.pipeline.job import WHOLE, Job
from magnify.pipeline.modes import Mode

PREVIEW_SIDE = 480
"""Pixels of the longer side."""
PREVIEW_NAME = "{stem}_x{alpha}_{mode}_preview"

REPEATED = {
    "from_job",
    "output",
    "overwrite",
    "quiet",
    "json",
    "dry_run",
    "save_job",
    "resume",
    "segment_frames",
    "workers",
    "cluster",
    "report",
    "no_cautions",
}
"""What may be said beside --from-job; everything else is in the job."""


def magnify_all(request: Request, mode: Mode) -> None:
    """Magnifies every input; one failure does not stop the others.

    Raises:
        SettingsError: the command as a whole cannot work.
        MagnifyError: the only input failed.
        typer.Exit: code 3, some of several inputs failed, or 1, all of them.
    """
    if request.batch.preview:
        preview(request, mode)
    else:
        run_jobs(jobs_of(request, mode), request.batch)


def preview(request: Request, mode: Mode) -> None:
    """Magnifies small copies by the quickest network, and says how long the whole would take.

    Raises:
        SettingsError: only a part of the picture is asked for, which is not where it was.
        MagnifyError: the only input failed.
    """
    if not request.selection.is_all or request.source.stabilise not in (None, WHOLE):
        raise SettingsError(
            "--preview shows the whole picture; leave --roi, --mask and regions out"
        )
    from magnify.checkpoints.loading import model_class

    asked = request.compute
    learnt = asked.weights is not None or model_class(asked.model or DEFAULT_MODEL).has_weights
    compute = replace(
        asked, model=FIRST_LOOK if learnt else asked.model, weights=None, compile="auto"
    )
    batch = request.batch
    if batch.output is None:
        batch = replace(batch, name=batch.name or PREVIEW_NAME)
    source = replace(request.source, longest=PREVIEW_SIDE)
    small = replace(request, compute=compute, source=source, batch=batch)
    run_jobs(jobs_of(small, mode), request.batch)
    if not request.batch.quiet:
        _tell_whole(jobs_of(request, mode), request)


def _tell_whole(jobs: list[Job], request: Request) -> None:
    """Says how long the jobs would take that were only previewed."""
    from magnify.engine.runtime import tune_process
    from magnify.pipeline.estimate import estimated_seconds
    from magnify.pipeline.prepare import prepare

    tune_process()
    engine = prepare(request.compute)
    known = [seconds for job in jobs if (seconds := estimated_seconds(job, engine)) is not None]
    if known:
        notice_line(
            f"without --preview it takes about {duration(sum(known))}, by {engine.model} at full "
            "size"
        )


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
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"{file}: cannot be read as a job: {reason}") from error
    job = _job(text, str(file))
    output = replace(
        job.output,
        path=request.batch.output or job.output.path,
        overwrite=request.output.overwrite or job.output.overwrite,
    )
    run_jobs([replace(job, output=output)], request.batch)


def jobs_of(request: Request, mode: Mode) -> list[Job]:
    """A job for each input; its output lies beside it, named after what is done to it.

    Raises:
        SettingsError: there is no input, or two would be written to the same output.
    """
    batch = request.batch
    if batch.name is not None:
        check_template(batch.name)

    def notify(message: Message) -> None:
        if not batch.quiet:
            notice_line(message)

    named, jobs = list(batch.inputs or ()), []
    for line, place in _listed(batch.list_file):
        if line.startswith("{"):
            jobs.append(_job(line, place))
        else:
            named.append(Path(line))
    inputs = expanded(named, recursive=batch.recursive, notify=notify)
    jobs = [*(request.job(one.path, _output(request, mode, one), mode) for one in inputs), *jobs]
    if not jobs:
        raise SettingsError("INPUT is missing: name a video, or a job (magnify run --from-job)")
    if batch.output is not None and len(jobs) > 1:
        raise SettingsError("--output takes a single input; use --output-dir for several")
    _refuse_collisions(jobs)
    return jobs


def _listed(file: Path | None) -> Iterator[tuple[str, str]]:
    """The lines of --list, and what to call each of them."""
    for number, line in enumerate(() if file is None else listed(file), 1):
        yield line, f"{file}, entry {number}"


def _job(text: str, place: str) -> Job:
    try:
        return Job.from_json(text)
    except SettingsError as error:
        raise SettingsError(f"{place}: {error}") from error


def _output(request: Request, mode: Mode, source: Input) -> Path:
    batch = request.batch
    if batch.output is not None:
        return batch.output
    values = {
        "stem": stem_of(source.path),
        "alpha": f"{batch.alpha:g}" + "-curve" * (batch.alpha_curve is not None),
        "mode": mode.label,
        "model": request.compute.label,
    }
    if batch.name is not None:
        values["model"] = request.compute.named
    name = output_name(batch.name, values, ".mkv" if request.output.encoding.lossless else ".mp4")
    beside = Path(os.path.abspath(source.path)).parent
    return (beside if batch.output_dir is None else batch.output_dir / source.folder) / name


def _refuse_collisions(jobs: list[Job]) -> None:
    taken: dict[Path, Job] = {}
    for job in jobs:
        first = taken.setdefault(job.output.path, job)
        if first is not job:
            raise SettingsError(
                f"{first.source.path} and {job.source.path} would both be written to "
                f"{job.output.path}; process them one by one with --output"
            )
