"""One magnification as one object: JSON both ways, its plan, and what it opens."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import magnify
from magnify import Bandpass, Compute, Dynamic, Encoding, Job, Output, SettingsError, Source, Static
from magnify.pipeline.modes import Mode
from magnify.pipeline.prepare import Engine
from magnify.pipeline.run import plan
from magnify.video.decoding import Decoder
from support.clips import read_clip

MODES: list[Mode] = [
    Static(),
    Static(index=3, mean_of=2),
    Dynamic(),
    Bandpass(0.5, 7.5, filter="fir", taps="all", sampling_rate=600, memory_budget=10**9),
    Bandpass(filter="diff-iir", coefficients=(0.04, 0.4)),
]


def job(mode: Mode, folder: Path = Path("out")) -> Job:
    return Job(
        Source(Path("in.mp4"), fps=None, start=1.5, end=None, max_frames=7, hwaccel="auto"),
        Output(folder / "o.mkv", Encoding(codec="libx265", crf=20, audio=False), overwrite=True),
        mode,
        7.5,
        Compute("fd4mm", None, "cpu", "fp32", "off", weights_sha256="0" * 64),
    )


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.label)
def test_a_job_comes_back_from_json_as_it_was(mode: Mode) -> None:
    made = job(mode)
    assert Job.from_json(made.to_json()) == made
    assert Job.from_json(json.dumps({"frames": 3, "job": json.loads(made.to_json())})) == made


def broken(**changes: Any) -> str:
    plain = job(Static()).to_dict()
    for path, value in changes.items():
        part, _, name = path.partition("__")
        if name:
            plain[part][name] = value
        else:
            plain[part] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no job: not JSON"),
        ("[1]", "no job: not a JSON object"),
        ("{}", "no job: it has to say alpha, compute, mode, output, source, and no more"),
        (broken(colour=1), "and no more"),
        (broken(alpha="x"), "alpha must be a number, not 'x'"),
        (broken(alpha=-1), "alpha must be a number from 0 to 10000, not -1"),
        (broken(source=5), "source must be an object, not 5"),
        (broken(source={}), "source lacks a setting"),
        (broken(source__start="1:00"), "source cannot have start '1:00'"),
        (broken(source__max_frames=2.5), "source cannot have max_frames 2.5"),
        (broken(source__start=-1.0), "start must be 0 s or later, not -1"),
        (broken(source__end=1.0), "end must be later than the start (1.5 s), not 1.0"),
        (broken(source__hwaccel="on"), "source cannot have hwaccel 'on'"),
        (broken(source__speed=1), "source has no setting 'speed'"),
        (broken(output__encoding={"crf": True}), "encoding cannot have crf True"),
        (broken(output__overwrite=1), "output cannot have overwrite 1"),
        (broken(compute__model="lbvm"), "unknown model 'lbvm'; choose one of lbvmm"),
        (broken(mode={"name": "wavelet"}), "unknown mode 'wavelet'; choose one of static"),
        (broken(mode={"name": "static", "low": 1}), "static has no setting 'low'"),
        (broken(mode={"name": "bandpass"}), "a band needs a low or a high cut-off"),
        (broken(mode={"name": "bandpass", "coefficients": [1, 2, 3]}), "cannot have coefficients"),
    ],
)
def test_what_is_no_job_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Job.from_json(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_job_runs_again_from_what_its_report_says(clip: Path, tmp_path: Path) -> None:
    first = magnify.run(
        Job(
            Source(clip, max_frames=3),
            Output(tmp_path / "a.mkv", Encoding(lossless=True)),
            Dynamic(),
            compute=Compute("lbvmm", device="cpu", precision="fp32"),
        )
    )
    assert (first.model, first.layout, first.frames) == ("lbvmm", "lbvmm-magnify", 3)
    again = Job.from_json(json.dumps(first.as_dict()))
    assert again.compute.weights_sha256 == first.weights_sha256
    magnify.run(replace(again, output=replace(again.output, path=tmp_path / "b.mkv")))
    assert (read_clip(tmp_path / "a.mkv") == read_clip(tmp_path / "b.mkv")).all()


def test_other_weights_than_those_of_a_saved_job_are_refused(clip: Path) -> None:
    saved = Job(Source(clip), Output(clip.with_name("o.mp4")), compute=Compute(weights_sha256="ab"))
    with pytest.raises(magnify.CheckpointError, match="not the weights that the job was made with"):
        saved.plan()


def test_a_plan_says_what_a_report_says(clip: Path, engine: Engine) -> None:
    asked = Job(Source(clip, max_frames=2), Output(clip.with_name("o.mp4")), Static(index=1))
    planned = plan(asked, engine).as_dict()
    assert not asked.output.path.exists()
    done = magnify.run(asked, engine).as_dict()
    assert done.pop("seconds") > 0
    assert planned == done


@pytest.mark.parametrize(
    ("mode", "passes"),
    [
        (Static(), 1),
        (Static(index=3), 1),
        (Static(mean_of=4), 1),
        (Dynamic(), 1),
        (Bandpass(2, 6), 1),
        (Bandpass(None, 6, filter="fir"), 1),
        (Bandpass(2, 6, zero_phase=True), 2),  # the only ones that must see the end first
        (Bandpass(2, 6, filter="fir", taps="all"), 2),
    ],
    ids=lambda value: getattr(value, "label", value),
)
def test_an_input_is_opened_once_for_its_pictures(
    clip: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, mode: Mode, passes: int
) -> None:
    opened = []
    original = Decoder.__iter__

    def counted(self: Decoder) -> Any:
        opened.append(self.path)
        return original(self)

    monkeypatch.setattr(Decoder, "__iter__", counted)
    magnify.run(Job(Source(clip), Output(clip.with_name("o.mp4")), mode), engine)
    assert opened == [clip] * passes


def test_a_reference_too_late_to_wait_for_is_read_beforehand(
    clip: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Job(Source(clip), Output(clip.with_name("o.mkv"), Encoding(lossless=True)), Static(5))
    magnify.run(asked, engine)
    monkeypatch.setattr("magnify.pipeline.stream.available_memory", lambda: 0)
    late = Job(Source(clip), Output(clip.with_name("p.mkv"), Encoding(lossless=True)), Static(5))
    magnify.run(late, engine)
    assert (read_clip(asked.output.path) == read_clip(late.output.path)).all()
