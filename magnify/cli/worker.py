"""One worker process: it runs the jobs that it is given, one after the other.

Each line on standard input is an order; each is answered by a line of JSON on standard output,
after those that `--json` asks for. Messages go to standard error, as of any command. Where its
input ends, whoever gave the orders is gone, and so it ends, too.
"""

import json
import os
import queue
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from magnify import interruption
from magnify.cli.batch import in_words, magnify_one
from magnify.cli.console import json_line
from magnify.cli.options import Batch
from magnify.cli.rows import Rows
from magnify.errors import SettingsError
from magnify.jobs.history import History
from magnify.pipeline.job import Job


def main() -> None:
    with interruption.listening():
        orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(orders,), daemon=True).start()
        worker = _Worker()
        while True:
            with interruption.at_once():
                line = orders.get()
            if line is None:
                return
            json_line(worker.run(json.loads(line)))
            sys.stdout.flush()


def _read(orders: "queue.SimpleQueue[str | None]") -> None:
    for line in sys.stdin:
        orders.put(line)
    orders.put(None)
    os.kill(os.getpid(), signal.SIGTERM)  # in the middle of a job, too


class _Worker:
    """What stays from job to job: the model, and what is known of the outputs' folders."""

    def __init__(self) -> None:
        from magnify.engine.runtime import tune_process

        tune_process()
        self.history = History()
        self.asked: Any = None

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Runs a job; how it ended."""
        from magnify.pipeline.prepare import prepare

        folder = order.pop("output_dir")
        resumes = order.pop("resumes")
        job = Job.from_dict(order.pop("job"))
        saved = order.pop("save_job")
        batch = Batch(
            output_dir=Path(folder) if folder else None,
            save_job=Path(saved) if saved else None,
            **order,
        )
        try:
            if job.compute != self.asked:
                self.engine, self.asked = prepare(job.compute), job.compute
            step = partial(magnify_one, history=self.history if resumes else None, rows=Rows(batch))
            step(job, batch=batch, engine=self.engine)
        except Exception as error:
            told = in_words(error)
            if told is None:
                raise
            usage = isinstance(told, SettingsError)
            return {"worker": "failed", "error": str(told), "usage": usage}
        return {"worker": "done"}


if __name__ == "__main__":
    main()
