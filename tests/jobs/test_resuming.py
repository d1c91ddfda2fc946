"""A run that was ended goes on where it stopped, and what comes out is the same to the bit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.jobs.history import History
from magnify.jobs.journal import JOURNAL, Journal
from magnify.jobs.ledger import LEDGER
from magnify.jobs.resuming import parts_of
from magnify.pipeline.job import Compute, Job, Output, Source
from magnify.pipeline.modes import Acceleration, Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine, prepare
from magnify.pipeline.run import run
from magnify.video import Encoding
from support.commands import files
from support.videos import ffmpeg, make_clip, read_packets, read_pictures, times

FRAMES = 20
LENGTH = 6
MODES = {
    "static": Static(),
    "static-mean": Static(mean_of=3),
    "dynamic": Dynamic(),
    "butterworth": Bandpass(5, 9, filter="butterworth"),
    "fir": Bandpass(8, None, filter="fir"),
    "acceleration": Acceleration(7.0),
}
WHOLE = {
    "zero phase": Bandpass(5, 9, zero_phase=True),
    "all taps": Bandpass(5, 9, taps="all"),
    "jerk-aware": Acceleration(7.0, jerk_aware=True),
}


class Ended(Exception):
    """Stands for whatever ends a run: no clean-up of the package knows it."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return prepare(Compute(model="riesz", device="cpu", precision="fp32"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "in.mp4", "-c:v", "libx264", "-c:a", "aac", frames=FRAMES, audio=1)


def make(engine: Engine, job: Job, end_at: int | None = None) -> tuple[int | None, list[str]]:
    """Runs a job, up to a frame; the frames of its report, and what the user was told."""
    told: list[str] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "magnifying" and done == end_at:
            raise Ended

    history = History()
    if history.is_done(job, engine):
        return None, told
    return history.run(job, engine, progress, told.append, LENGTH).frames, told


def ended(engine: Engine, job: Job, *moments: int) -> None:
    for moment in moments:
        with pytest.raises(Ended):
            make(engine, job, end_at=moment)
        assert not job.output.path.exists()


def job_of(source: Path, output: Path, mode: Mode | None = None, **encoding: object) -> Job:
    return Job(
        Source(source),
        Output(output, Encoding(**encoding)),  # type: ignore[arg-type]  # whatever it takes
        mode or Static(),
        4.0,
        Compute(model="riesz", device="cpu", precision="fp32"),
    )


@pytest.mark.parametrize("mode", [*MODES.values(), *WHOLE.values()], ids=[*MODES, *WHOLE])
def test_a_run_goes_on_where_it_was_ended(
    engine: Engine, source: Path, tmp_path: Path, mode: Mode
) -> None:
    for name in ("at once", "later", "whole"):
        (tmp_path / name).mkdir()
    assert make(engine, job_of(source, tmp_path / "at once/out.mp4", mode))[0] == FRAMES
    later = job_of(source, tmp_path / "later/out.mp4", mode)
    ended(engine, later, 3, 9, FRAMES)
    count, told = make(engine, later)
    assert count == FRAMES
    assert f"{later.output.path}: goes on from frame 18 of {FRAMES}" in told
    whole = job_of(source, tmp_path / "whole/out.mp4", mode)
    run(whole, engine)
    at_once, later_on = files(tmp_path / "at once"), files(tmp_path / "later")
    assert at_once.keys() == {".magnify.jsonl", "out.mp4"} == later_on.keys()
    assert at_once["out.mp4"] == later_on["out.mp4"]
    assert times(later.output.path) == times(whole.output.path)
    assert read_packets(later.output.path, "a:0") == read_packets(whole.output.path, "a:0")
    assert ffmpeg("-xerror", "-i", later.output.path, "-f", "null", "-") == b""


@pytest.mark.parametrize("mode", WHOLE.values(), ids=WHOLE)
def test_motion_of_the_whole_clip_is_found_once(
    engine: Engine, source: Path, tmp_path: Path, mode: Mode
) -> None:
    job = job_of(source, tmp_path / "out.mkv", mode, lossless=True)
    stages = []

    def progress(stage: str, done: int, total: int | None) -> None:
        stages.append(stage)
        if len(stages) == FRAMES + 9:
            raise Ended

    with pytest.raises(Ended):
        History().run(job, engine, progress, None, LENGTH)
    assert stages.count("analysing") == FRAMES
    History().run(job, engine, lambda stage, *rest: stages.append(stage), None, LENGTH)
    assert stages.count("analysing") == FRAMES  # not again
    whole = job_of(source, tmp_path / "whole.mkv", mode, lossless=True)
    run(whole, engine)
    assert np.array_equal(read_pictures(job.output.path), read_pictures(whole.output.path))


def test_without_room_for_its_motion_the_clip_is_taken_at_once(
    engine: Engine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magnify.jobs.stages.SPARE", 1e12)
    job = job_of(source, tmp_path / "out.mkv", WHOLE["zero phase"])
    count, told = make(engine, job)
    assert count == FRAMES
    assert any("of motion, so a run that is ended begins anew" in text for text in told)
    assert sorted(path.name for path in tmp_path.iterdir()) == [LEDGER, "in.mp4", "out.mkv"]


@pytest.mark.parametrize(
    ("output", "encoding"),
    [
        ("out.mkv", {}),
        ("out.mov", {}),
        ("out.webm", {}),
        ("out.gif", {}),
        ("out.mkv", {"lossless": True}),
        ("out.mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("out.mkv", {"codec": "libsvtav1"}),
        ("pictures", {}),
    ],
)
def test_every_kind_of_output_is_joined(
    engine: Engine, source: Path, tmp_path: Path, output: str, encoding: dict[str, object]
) -> None:
    made = []
    for folder, moments in (("at once", ()), ("later", (8,))):
        (tmp_path / folder).mkdir()
        job = job_of(source, tmp_path / folder / output, **encoding)
        ended(engine, job, *moments)
        assert make(engine, job)[0] == FRAMES
        content = files(tmp_path / folder)
        content.pop(".magnify.jsonl")
        made.append(content)
    assert made[0] == made[1]
    if output != "pictures":
        run(job_of(source, tmp_path / output, **encoding), engine)
        assert times(tmp_path / "later" / output) == times(tmp_path / output)
        assert ffmpeg("-xerror", "-i", tmp_path / "later" / output, "-f", "null", "-") == b""


def test_uneven_frames_keep_their_times(engine: Engine, tmp_path: Path) -> None:
    """With B-frames, the order of decoding seems to fall back where a part with others begins."""
    uneven = "setpts='N+if(gt(N,5),9*(N-5),0)+if(gt(N,11),-8*(N-11),0)'/30/TB"
    source = make_clip(tmp_path / "in.mkv", "-fps_mode", "passthrough", filters=uneven)
    for name in ("out.mp4", "out.mkv", "out.webm"):
        job = job_of(source, tmp_path / name)
        make(engine, job)
        run(job_of(source, tmp_path / f"whole-{name}"), engine)
        assert times(job.output.path) == times(tmp_path / f"whole-{name}")
        assert ffmpeg("-xerror", "-i", job.output.path, "-f", "null", "-") == b""


def test_what_is_done_is_left_alone(engine: Engine, source: Path, tmp_path: Path) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    assert make(engine, job)[0] == FRAMES
    before = job.output.path.stat()
    assert make(engine, job) == (None, [])
    assert job.output.path.stat().st_mtime_ns == before.st_mtime_ns
    other = job_of(source, tmp_path / "out.mp4", Dynamic())
    count, told = make(engine, other)
    assert count == FRAMES
    assert told[0].endswith("out.mp4: the settings changed since it was made; it is made anew")


def test_what_is_not_ours_is_never_replaced(engine: Engine, source: Path, tmp_path: Path) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    make(engine, job)
    job.output.path.write_bytes(b"precious")
    with pytest.raises(SettingsError, match="exists already"):
        make(engine, job)
    assert job.output.path.read_bytes() == b"precious"


def test_what_took_the_name_meanwhile_is_not_replaced(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    """A run was ended, and another file has its output's name by now."""
    job = job_of(source, tmp_path / "out.mp4")
    ended(engine, job, 9)
    job.output.path.write_bytes(b"precious")
    other = job_of(source, job.output.path, Dynamic())
    with pytest.raises(SettingsError, match="exists already"):
        make(engine, other)
    assert job.output.path.read_bytes() == b"precious"


def test_a_torn_line_of_the_ledger_costs_no_other(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / LEDGER
    for name in ("a.mp4", "b.mp4"):
        make(engine, job_of(source, tmp_path / name))
        ledger.write_bytes(ledger.read_bytes() + b'{"output": "c.mp4", "inp')
    assert make(engine, job_of(source, tmp_path / "a.mp4")) == (None, [])
    assert make(engine, job_of(source, tmp_path / "b.mp4")) == (None, [])


def other_settings(source: Path, job: Job) -> Job:
    return job_of(source, job.output.path, Dynamic())


def other_input(source: Path, job: Job) -> Job:
    make_clip(source, "-c:v", "libx264", filters="negate")
    return job


@pytest.mark.parametrize(
    ("change", "what"), [(other_settings, "the settings"), (other_input, "the input")]
)
def test_what_changed_is_begun_anew(
    engine: Engine,
    source: Path,
    tmp_path: Path,
    change: Callable[[Path, Job], Job],
    what: str,
) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    ended(engine, job, 9)
    job = change(source, job)
    count, told = make(engine, job)
    assert count == FRAMES
    assert f"{job.output.path}: {what} changed; it is begun anew" in told
    again = job_of(source, tmp_path / "again.mp4", job.mode)
    make(engine, again)
    assert job.output.path.read_bytes() == again.output.path.read_bytes()


def test_a_torn_line_and_a_lost_part_are_made_anew(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    ended(engine, job, 15)
    journal = parts_of(job) / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-7])
    _, told = make(engine, job)
    assert f"{job.output.path}: goes on from frame 6 of {FRAMES}" in told


def test_a_damaged_part_is_told(engine: Engine, source: Path, tmp_path: Path) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    ended(engine, job, 15)
    part = parts_of(job) / "000000.npz"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 255
    part.write_bytes(content)
    with pytest.raises(VideoError, match=r"000000\.npz: a part of the video is damaged.* remove"):
        make(engine, job)
    assert not job.output.path.exists()


def test_two_runs_do_not_work_on_one_output(engine: Engine, source: Path, tmp_path: Path) -> None:
    job = job_of(source, tmp_path / "out.mp4")
    with (
        Journal.opened(parts_of(job)),
        pytest.raises(VideoError, match="another run is at work on this output"),
    ):
        make(engine, job)


def test_a_damaged_input_is_told_though_a_run_was_ended(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.mkv"
    ffmpeg("-i", source, "-c", "copy", "-an", damaged)
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) * 19 // 20])
    job = job_of(damaged, tmp_path / "out.mp4")
    with pytest.raises(TruncatedInputError) as whole:
        run(job_of(damaged, tmp_path / "whole.mp4"), engine)
    ended(engine, job, 9)
    with pytest.raises(TruncatedInputError, match="could be read") as found:
        make(engine, job)
    assert found.value.report.frames == whole.value.report.frames
    assert np.array_equal(times(job.output.path), times(tmp_path / "whole.mp4"))
