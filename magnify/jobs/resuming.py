"""A long output, written part by part: a run that was ended goes on where it stopped.

Every part is made from its boundary alone, with an encoder of its own, whether or not a run ended
before it. So what comes out is the same to the bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from magnify.errors import TruncatedInputError
from magnify.jobs.choices import SEGMENT_FRAMES
from magnify.jobs.fingerprint import changes, fingerprint
from magnify.jobs.journal import Journal
from magnify.jobs.parts import Made, Order, all_orders, make
from magnify.jobs.stages import recorded_mode
from magnify.messages import Message, Notify, counted
from magnify.pipeline.clips import VideoClip
from magnify.pipeline.job import Job
from magnify.pipeline.prepare import Engine
from magnify.pipeline.ranges import Boundary, first_boundary
from magnify.pipeline.run import note_damage, open_writer, write_whole
from magnify.pipeline.stream import Progress
from magnify.video.image_output import image_target
from magnify.video.parts import segments_folder


@dataclass(frozen=True)
class InParts:
    """A way to write an output: part by part.

    Attributes:
        elsewhere: who makes the parts; None: they are made here, one after the other.
        length: frames of a part. Shorter clips are written at once, and so are GIFs. Of modes that
            need the whole clip before any frame, the motion is found first, and kept.
    """

    length: int = SEGMENT_FRAMES
    elsewhere: "Elsewhere | None" = None

    def __call__(
        self, job: Job, clip: VideoClip, engine: Engine, progress: Progress | None, say: Notify
    ) -> int:
        """Writes the output, or goes on with it; how many frames it has.

        Raises:
            SettingsError, VideoError: it cannot be written so, or there; what is done stays.
        """
        if job.output.path.suffix.lower() == ".gif":  # whose packets tell only of what changed
            return write_whole(job, clip, engine, progress, say)
        folder = parts_of(job)
        begun = folder.exists()
        short = clip.count is not None and clip.count <= self.length
        if not begun and short and self.elsewhere is None:
            return write_whole(job, clip, engine, progress, say)
        open_writer(job, clip, engine, say).discard()  # which says what cannot be kept
        facts = {**fingerprint(job, engine), "length": self.length}
        with Journal.opened(folder) as journal:
            if journal.facts != facts:
                if journal.parts:
                    what = changes(journal.facts, facts)
                    say(Message(f"{job.output.path}: {what} changed; it is begun anew"))
                journal.begin(facts)
            run = _Run(job, clip, engine, journal, progress, say)
            elsewhere = self.elsewhere
            if not run.divisible:
                if elsewhere is not None:
                    say(Message(f"{job.output.path}: needs the whole clip, and is made here"))
                    elsewhere = None
                mode = recorded_mode(clip, engine, job.mode, job.factor, folder, progress, say)
                if mode is None:
                    journal.remove()
                    return write_whole(job, clip, engine, progress, say)
                run = _Run(replace(job, mode=mode), clip, engine, journal, progress, say)
            run.finish_parts(self.length, elsewhere)
            return run.join()


def parts_of(job: Job) -> Path:
    """The folder in which the parts of a job's output wait."""
    images = image_target(job.output.path)
    return segments_folder(images[0] if images else job.output.path)


class Elsewhere(Protocol):
    """Makes parts in other processes or on other machines."""

    def made(self, job: Job, orders: Sequence[Order]) -> Iterator[Made]:
        """The parts, in order.

        Raises:
            MagnifyError: one cannot be made.
        """


class _Run:
    """The making of one output from where its journal stands."""

    def __init__(
        self,
        job: Job,
        clip: VideoClip,
        engine: Engine,
        journal: Journal,
        progress: Progress | None,
        say: Notify,
    ) -> None:
        self.job, self.clip, self.engine, self.journal = job, clip, engine, journal
        self.report = progress or (lambda stage, done, total: None)
        self.say = say
        told: list[Message] = []
        first = first_boundary(clip, engine.network, job.mode, job.factor, told.append)
        self.divisible = first is not None
        self.first = first or Boundary()
        if self.divisible:
            for message in told:
                say(message)

    def finish_parts(self, length: int, elsewhere: "Elsewhere | None") -> None:
        """Makes all parts that are not done yet."""
        journal, network = self.journal, self.engine.network
        order: Order | None = Order(self.first, None, length)
        if journal.parts:
            order = None
            if not journal.complete:
                order = Order(*journal.next(network.runtime.device), length)
            of_all = "" if self.clip.count is None else f" of {self.clip.count}"
            self.say(
                Message(f"{self.job.output.path}: goes on from frame {journal.frames}{of_all}")
            )
        if order is None:
            return
        if elsewhere is not None:
            self._have_made(elsewhere, order)
            return
        network.prepare(self.clip.height, self.clip.width, self.clip.count, self.say)
        scratch = journal.folder / "encoder"
        while order is not None:
            before = journal.frames
            made = make(
                self.job,
                self.clip,
                self.engine,
                order,
                scratch,
                lambda done, before=before: self.report(
                    "magnifying", before + done, self.clip.count
                ),  # type: ignore[misc]
            )
            order = self._keep(made, length)

    def _have_made(self, elsewhere: "Elsewhere", order: Order | None) -> None:
        """Has the parts made elsewhere; at the same time where they do not need each other."""
        journal = self.journal
        assert order is not None
        scratch = journal.folder / "encoder"
        orders = all_orders(self.job, self.clip, self.engine, order.length, scratch)
        if orders is None:
            while order is not None:
                (made,) = elsewhere.made(self.job, [order])
                order = self._keep(made, order.length)
            return
        for made in elsewhere.made(self.job, orders[len(journal.parts) :]):
            self._keep(made, order.length)

    def _keep(self, made: Made, length: int) -> Order | None:
        """Notes a part that was made; what is to be made next."""
        self.journal.add(made.segment, made.clock, made.after, made.damage)
        self.report("magnifying", self.journal.frames, self.clip.count)
        return None if made.after is None else Order(made.after, made.clock, length)

    def join(self) -> int:
        """Joins the parts to the output, and takes them away; how many frames it has."""
        job, clip, journal = self.job, self.clip, self.journal
        with open_writer(job, clip, self.engine, lambda message: None) as writer:
            for segment in journal.segments():
                writer.write_segment(segment)
        note_damage(job, clip, writer)
        count, damage = journal.frames, journal.damage
        if damage is not None and clip.truncated is None:
            read = counted(count, "frame")
            text = damage if "could be read" in damage else f"{damage}; {read} could be read"
            clip.truncated = TruncatedInputError(f"{job.source.path}: {text}")
        journal.remove()
        return count
