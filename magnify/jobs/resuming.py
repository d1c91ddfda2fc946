"""A long output, written part by part: a run that was ended goes on where it stopped.

Every part is made from its boundary alone, with an encoder of its own, whether or not a run ended
before it. So what comes out is the same to the bit.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from magnify.errors import TruncatedInputError
from magnify.jobs.choices import SEGMENT_FRAMES
from magnify.jobs.fingerprint import changes, fingerprint
from magnify.jobs.journal import Journal
from magnify.messages import Message, Notify, counted
from magnify.pipeline.clips import VideoClip
from magnify.pipeline.job import Job
from magnify.pipeline.prepare import Engine
from magnify.pipeline.ranges import Boundary, MagnifiedRange, first_boundary
from magnify.pipeline.run import WRITTEN_BEHIND, note_damage, open_writer, write_whole
from magnify.pipeline.stream import Progress
from magnify.pipeline.threads import behind
from magnify.video.image_output import image_target
from magnify.video.parting import ClockState, SegmentEncoder
from magnify.video.parts import segments_folder


@dataclass(frozen=True)
class InParts:
    """A way to write an output: part by part.

    Attributes:
        length: frames of a part. Shorter clips are written at once, and so are GIFs, and modes
            that need the whole clip before any frame.
    """

    length: int = SEGMENT_FRAMES

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
        if not begun and clip.count is not None and clip.count <= self.length:
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
            if not run.divisible:
                journal.remove()
                return write_whole(job, clip, engine, progress, say)
            run.finish_parts(self.length)
            return run.join()


def parts_of(job: Job) -> Path:
    """The folder in which the parts of a job's output wait."""
    images = image_target(job.output.path)
    return segments_folder(images[0] if images else job.output.path)


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

    def finish_parts(self, length: int) -> None:
        """Makes all parts that are not done yet."""
        journal, network = self.journal, self.engine.network
        boundary: Boundary | None = self.first
        clock: ClockState | None = None
        if journal.parts:
            boundary = None
            if not journal.complete:
                boundary, clock = journal.next(network.runtime.device)
            of_all = "" if self.clip.count is None else f" of {self.clip.count}"
            self.say(
                Message(f"{self.job.output.path}: goes on from frame {journal.frames}{of_all}")
            )
        if boundary is not None:
            network.prepare(self.clip.height, self.clip.width, self.clip.count, self.say)
        while boundary is not None:
            boundary, clock = self._make_part(boundary, clock, length)

    def _make_part(
        self, before: Boundary, clock: ClockState | None, length: int
    ) -> tuple[Boundary | None, ClockState]:
        job, clip, journal = self.job, self.clip, self.journal
        clip.damage = None
        part = MagnifiedRange(clip, self.engine.network, job.mode, job.factor, before, length)
        encoder = SegmentEncoder(
            job.output.path, journal.folder / "encoder", clip.info, job.output.encoding, clock
        )
        done = journal.frames
        with closing(encoder):
            with behind(encoder.write, WRITTEN_BEHIND) as write, closing(part.frames()) as frames:
                for frame in clip.finished(frames):
                    write(frame)
                    done += 1
                    self.report("magnifying", done, clip.count)
            segment, clock = encoder.finish()
        damage = clip.damage
        if damage is None and clip.truncated is not None:
            damage = str(clip.truncated)
        journal.add(segment, clock, part.after, damage)
        return part.after, clock

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
