"""Jobs that other processes run: workers on this machine, or the machines of a cluster."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from functools import partial

from magnify.cli.batch import Attempts, magnify_one
from magnify.cli.console import notice_line, progress
from magnify.cli.crew import Crew, worker_count
from magnify.cli.options import Batch
from magnify.cli.rows import Rows
from magnify.jobs.history import History
from magnify.messages import counted
from magnify.pipeline.job import Job

POLL_SECONDS = 0.2


def share_out(
    ready: list[Job], batch: Batch, attempts: Attempts, rows: Rows, *, resumes: bool
) -> None:
    """Has workers run the jobs."""
    assert batch.workers is not None, "workers are asked for"
    crew = Crew(worker_count(batch.workers, len(ready)), batch, rows, resumes=resumes)
    files = counted(len(ready), "file")
    with (
        progress(files, quiet=batch.quiet, unit="files") as report,
        closing(crew.run(ready)) as ended,
    ):
        for done, (job, error) in enumerate(ended, 1):
            attempts.succeeds(job, partial(_raise, error))
            report("magnifying", done, len(ready))


def send_out(
    ready: list[Job], batch: Batch, attempts: Attempts, history: History | None, rows: Rows
) -> None:
    """Has the machines of a cluster make the jobs' parts, those of several jobs at a time."""
    from magnify.engine.runtime import tune_process
    from magnify.jobs.cluster import Cluster
    from magnify.pipeline.prepare import prepare

    assert batch.cluster is not None, "a cluster is asked for"
    tune_process()
    engines = {job.compute: prepare(job.compute) for job in ready}
    alone = replace(batch, quiet=True)  # one display shows all that are being made
    notify = _silent if batch.quiet else notice_line
    with (
        closing(Cluster(batch.cluster, ready, notify)) as cluster,
        ThreadPoolExecutor(min(len(ready), cluster.slots)) as pool,
        progress(counted(len(ready), "file"), quiet=batch.quiet, unit="files") as report,
    ):
        running = {
            pool.submit(magnify_one, job, alone, engines[job.compute], history, rows, cluster): job
            for job in ready
        }
        try:
            while running:
                report("magnifying", len(ready) - len(running), len(ready))
                for done in wait(running, POLL_SECONDS, FIRST_COMPLETED).done:
                    job = running.pop(done)
                    if attempts.succeeds(job, lambda job, done=done: done.result()):  # type: ignore[misc]
                        notify(f"{job.output.path}: done")
        finally:
            for waiting in running:
                waiting.cancel()


def _silent(message: str) -> None:
    """Says nothing."""


def _raise(error: Exception | None, job: Job) -> None:
    if error is not None:
        raise error
