"""Jobs that know what was done before: finished ones are left alone, ended ones go on."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from magnify.errors import MagnifyError, TruncatedInputError
from magnify.jobs.ledger import Entry, Ledger, stamp
from magnify.messages import Message, Notify
from magnify.pipeline.job import Job

if TYPE_CHECKING:
    from magnify.jobs.resuming import Elsewhere
    from magnify.pipeline.prepare import Engine
    from magnify.pipeline.run import Report
    from magnify.pipeline.stream import Progress


class History:
    """The ledgers of the folders that jobs write to."""

    def __init__(self) -> None:
        self._ledgers: dict[Path, Ledger] = {}

    def knows(self, output: Path) -> bool:
        """Whether an output that exists was written by a job like these."""
        return self._ledger(output).own(output) is not None

    def is_done(self, job: Job, engine: "Engine") -> bool:
        """Whether a job's output is there as it was made, and nothing has changed since.

        Raises:
            MagnifyError: the input cannot be looked at.
        """
        from magnify.jobs.fingerprint import fingerprint

        output = job.output.path
        known = self._ledger(output).own(output)
        if known is None or known.facts != fingerprint(job, engine):
            return False
        if known.state == "begun":
            self._ledger(output).add(replace(known, state="done", stamp=stamp(output)))
        return True

    def run(
        self,
        job: Job,
        engine: "Engine",
        progress: "Progress | None",
        notify: Notify | None,
        segment_frames: int,
        elsewhere: "Elsewhere | None" = None,
    ) -> "Report":
        """Runs a job that is not done yet, or goes on with it.

        Raises:
            MagnifyError: it failed; what is done of it stays, for the next time.
        """
        from magnify.jobs.fingerprint import changes, fingerprint
        from magnify.jobs.resuming import InParts
        from magnify.pipeline.run import run

        output = job.output.path
        ledger = self._ledger(output)
        facts = fingerprint(job, engine)
        entry = Entry(output.name, os.path.abspath(job.source.path), "begun", facts)
        known = ledger.own(output)
        # One that was only begun may be another's by now; only a finished one is surely ours.
        if known is not None and known.state == "done":
            if notify is not None:
                what = changes(known.facts, facts)
                notify(Message(f"{output}: {what} changed since it was made; it is made anew"))
            job = replace(job, output=replace(job.output, overwrite=True))
        ledger.add(replace(entry, free=not output.exists()))
        error = None
        try:
            report = run(job, engine, progress, notify, InParts(segment_frames, elsewhere))
        except TruncatedInputError as truncated:
            report, error = truncated.report, truncated
        except MagnifyError as failure:
            with suppress(MagnifyError):  # of a full disk, it is the failure that is told
                ledger.add(replace(entry, state="failed", error=str(failure)))
            raise
        ledger.add(
            replace(
                entry,
                state="done",
                stamp=stamp(output),
                frames=report.frames,
                seconds=report.seconds,
                error=None if error is None else str(error),
            )
        )
        if error is not None:
            raise error
        return report

    def _ledger(self, output: Path) -> Ledger:
        folder = output.parent
        if folder not in self._ledgers:
            self._ledgers[folder] = Ledger(folder)
        return self._ledgers[folder]
