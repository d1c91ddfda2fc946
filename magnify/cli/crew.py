"""Several worker processes for many jobs: each takes the next one when it is free."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any

import psutil

from magnify.cli.console import notice_line
from magnify.cli.options import Batch
from magnify.cli.rows import Rows
from magnify.errors import MagnifyError, SettingsError, VideoError
from magnify.interruption import check
from magnify.messages import Message, counted
from magnify.pipeline.job import Job

ATTEMPTS = 2
"""A job that failed, or whose worker died, is tried once more."""

PATIENCE = 20.0
"""Seconds that workers have to clean up, once they are to end."""

CORES_EACH = 4
"""Of the workers that are made by default, where there are no cards."""


def worker_count(asked: str, jobs: int) -> int:
    """How many workers to make, from `--workers`: a number, or `auto`.

    Raises:
        SettingsError: it is neither.
    """
    if asked == "auto":
        import torch

        cores = (psutil.cpu_count(logical=False) or 1) // CORES_EACH
        return max(1, min(jobs, torch.cuda.device_count() or cores))
    if not asked.isdecimal() or not 1 <= int(asked) <= 1000:
        raise SettingsError(f"--workers takes a number from 1 on, or auto, not '{asked}'")
    return min(int(asked), jobs)


class Crew:
    """Worker processes on this machine; the processor's threads are divided among them."""

    def __init__(self, count: int, batch: Batch, rows: Rows, *, resumes: bool) -> None:
        self.batch, self.rows, self.resumes = batch, rows, resumes
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[Job, Exception | None]] = queue.SimpleQueue()
        self._workers = [_Process(number, count) for number in range(count)]

    def run(self, jobs: Sequence[Job]) -> Generator[tuple[Job, Exception | None], None, None]:
        """Runs the jobs; gives each with why it failed, as they end.

        Raises:
            Interrupted: a signal is to end the command; the workers have ended.
        """
        for job in jobs:
            self._jobs.put(job)
        threads = [
            threading.Thread(target=self._serve, args=(worker,), daemon=True)
            for worker in self._workers
        ]
        try:
            for thread in threads:
                thread.start()
            for _ in jobs:
                yield self._next()
        finally:
            for worker in self._workers:
                worker.end()

    def _next(self) -> tuple[Job, Exception | None]:
        while True:
            check()
            with suppress(queue.Empty):
                return self._ended.get(timeout=0.1)

    def _serve(self, worker: "_Process") -> None:
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                try:
                    error: Exception | None = self._attempts(worker, job)
                except Exception as fault:  # no memory for a worker, say: the others wait for it
                    error = fault
                self._ended.put((job, error))

    def _attempts(self, worker: "_Process", job: Job) -> MagnifyError | None:
        order = {
            "job": job.to_dict(),
            "resumes": self.resumes,
            "output_dir": self.batch.output_dir and str(self.batch.output_dir),
            "quiet": True,  # this process says what there is to say, around its one display
            "json": True,
            "no_cautions": self.batch.no_cautions,
            "save_job": self.batch.save_job and str(self.batch.save_job),
            "segment_frames": self.batch.segment_frames,
        }
        error: MagnifyError | None = None
        for attempt in range(ATTEMPTS):
            error = worker.run(order, self._told)
            if error is None or isinstance(error, SettingsError) or worker.ended:
                break
            if attempt + 1 < ATTEMPTS and not self.batch.quiet:
                notice_line(Message(f"{job.source.path}: failed, and is tried once more: {error}"))
        return error

    def _told(self, row: dict[str, Any]) -> None:
        """Passes on what a worker says of a job that is done."""
        if not self.batch.quiet:
            for text in (*row.get("cautions", ()), *row.get("notices", ())):
                notice_line(f"{row['input']}: {text}")
            skipped = row.get("skipped")
            what = (
                "is done already"
                if skipped
                else f"{counted(row['frames'], 'frame')} in {row['seconds']:.1f} s"
            )
            notice_line(f"{row['output']}{' ' if skipped else ': '}{what}")
        self.rows.add(row)


class _Process:
    """One worker; where it dies, the next order has a new one."""

    def __init__(self, number: int, count: int) -> None:
        self._environment = _environment(number, count)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.ended = False

    def run(
        self, order: dict[str, Any], told: Callable[[dict[str, Any]], None]
    ) -> MagnifyError | None:
        """Runs one job; why it failed."""
        with self._lock:
            if self.ended:
                return VideoError("the command is ending")
            if self._process is None or self._process.poll() is not None:
                self._process = self._started()
            process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # it has died, which its silence says
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "worker" not in answer:
                told(answer)
            elif answer["worker"] == "done":
                return None
            else:
                kind = SettingsError if answer["usage"] else VideoError
                return kind(answer["error"])
        return VideoError(f"its worker ended unexpectedly, with code {process.wait()}")

    def end(self) -> None:
        """Has the worker clean up and end."""
        with self._lock:
            self.ended = True
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "magnify.cli.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            text=True,
        )


def _environment(number: int, count: int) -> dict[str, str]:
    """That of one worker: its share of the processor's cores, and a card of its own."""
    cores = max(1, (psutil.cpu_count(logical=False) or 1) // count)
    shared = {"OMP_NUM_THREADS": str(cores), "MKL_NUM_THREADS": str(cores)}
    cards = _cards()
    if len(cards) > 1:
        shared["CUDA_VISIBLE_DEVICES"] = cards[number % len(cards)]
    return {**os.environ, **shared}


def _cards() -> list[str]:
    """The NVIDIA cards that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
