"""A factor that changes over time: read, kept in jobs, and what each frame is magnified by."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from magnify.cli import app
from magnify.errors import SettingsError
from magnify.pipeline.alpha import AlphaCurve
from magnify.pipeline.job import Job
from support.clips import drifting_pattern
from support.moving import write_lossless
from support.videos import read_pictures

CURVE = "0:1,0.2:9,0.4:0"
RUN = ("--model", "linear", "--device", "cpu", "--no-cautions", "--lossless", "-q")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curve")
    return write_lossless(folder / "in.mkv", drifting_pattern(12, 32, 48), 25)


def magnified(clip: Path, output: Path, *arguments: str) -> NDArray[np.uint8 | np.uint16]:
    command = ["run", str(clip), *RUN, *arguments, "-o", str(output)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    return read_pictures(output)


def test_it_goes_linearly_between_its_keys() -> None:
    curve = AlphaCurve.parse("1:2,3:10,1:00:4")
    assert [curve.at(seconds) for seconds in (0, 1, 2, 3, 31.5, 60, 99)] == [2, 2, 6, 10, 7, 4, 4]
    assert curve.largest == 10


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("keys.csv", "seconds,alpha\n0,1\n2.5,20\n"),
        ("keys.csv", "0,1\n2.5,20\n"),
        ("keys.json", "[[0, 1], [2.5, 20]]"),
    ],
)
def test_it_is_read_from_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert AlphaCurve.parse(str(tmp_path / name)).keys == ((0, 1), (2.5, 20))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no curve"),
        ("3", "is no curve"),
        ("0:1,x:2", "is no curve"),
        ("2:1,1:2", "times of a curve's keys must increase"),
        ("0:1,0:2", "times of a curve's keys must increase"),
        ("0:-1", "alpha must be"),
        ("inf:1", "needs a key"),
        ("none.csv", "cannot be read as a curve"),
    ],
)
def test_what_is_no_curve_is_told(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        AlphaCurve.parse(text)
    result = CliRunner().invoke(app, ["run", "a.mp4", "--alpha-curve", text])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("parts", [(), ("--resume", "--segment-frames", "4")], ids=["", "parts"])
def test_each_frame_has_the_factor_of_its_time(
    clip: Path, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    found = magnified(clip, tmp_path / "curve.mkv", "--alpha-curve", CURVE, *parts)
    curve = AlphaCurve.parse(CURVE)
    for number in (0, 2, 5, 8, 11):
        alpha = curve.at(number / 25)
        whole = magnified(clip, tmp_path / f"{number}.mkv", "--alpha", str(alpha))
        assert np.array_equal(found[number], whole[number])


def test_times_are_those_of_the_video_where_it_begins_later(clip: Path, tmp_path: Path) -> None:
    late = magnified(clip, tmp_path / "l.mkv", "--alpha-curve", CURVE, "--start", "0.2")
    alone = magnified(clip, tmp_path / "a.mkv", "--alpha-curve", "0:9,0.2:0", "--start", "0.2")
    assert not np.array_equal(late, alone)


def test_a_job_keeps_it(clip: Path, tmp_path: Path) -> None:
    saved = tmp_path / "job.json"
    first = magnified(clip, tmp_path / "a.mkv", "--alpha-curve", CURVE, "--save-job", str(saved))
    job = Job.from_json(saved.read_text())
    assert job.alpha_curve == AlphaCurve.parse(CURVE)
    assert job.alpha == 9
    again = tmp_path / "b.mkv"
    result = CliRunner().invoke(app, ["run", "--from-job", str(saved), "-o", str(again)])
    assert result.exit_code == 0, result.stderr
    assert np.array_equal(read_pictures(again), first)
    without = json.loads(saved.read_text())
    del without["alpha_curve"]  # as older versions saved it
    assert Job.from_dict(without).alpha_curve is None


def test_the_name_says_it(clip: Path, tmp_path: Path) -> None:
    command = ["run", str(clip), *RUN, "--alpha-curve", CURVE, "--output-dir", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in_x9-curve_static_linear.mkv"]


def test_what_is_taken_away_needs_one_factor(clip: Path) -> None:
    command = ["bandpass", str(clip), "--low", "2", "--attenuate-other", "--alpha-curve", CURVE]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "--attenuate-other needs one factor" in result.stderr
