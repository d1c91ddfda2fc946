"""`--preview`: a small copy by the quickest network, and how long the whole would take."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.clips import drifting_pattern, ffmpeg_size, write_clip
from support.videos import read_pictures


def run(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, [*words, "--device", "cpu", "--no-cautions"])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preview")
    return write_clip(folder / "in.mp4", drifting_pattern(4, 60, 600))


def test_a_preview_is_small_and_says_what_the_whole_takes(clip: Path, tmp_path: Path) -> None:
    result = run("run", clip, "--preview", "--json", "--output-dir", tmp_path)
    assert result.exit_code == 0, result.stderr
    (made,) = tmp_path.iterdir()
    assert made.name == "in_x20_static_preview.mp4"
    assert ffmpeg_size(made) == (480, 48)
    assert len(read_pictures(made)) == 4
    told = json.loads(result.stdout)
    assert told["model"] == "quick"
    assert told["job"]["source"]["longest"] == 480
    assert "without --preview it takes about" in result.stderr
    assert "by lbvmm at full size" in result.stderr


def test_small_clips_and_classical_methods_stay_as_they_are(clip: Path, tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.mp4", drifting_pattern(3, 32, 48))
    output = tmp_path / "out.mp4"
    arguments = ("--low", "2", "--preview", "--model", "linear", "--json", "-o", output)
    result = run("bandpass", small, *arguments)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["model"] == "linear"
    assert ffmpeg_size(output) == (48, 32)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--roi", "0,0,20,20"), "--preview shows the whole picture"),
        (("run", "--stabilise", "0,0,20,20"), "--preview shows the whole picture"),
        (("run", "--list", "jobs.txt"), "--preview takes inputs"),
        (("colour",), "colour needs no --preview"),
    ],
    ids=" ".join,
)
def test_what_has_no_preview_is_told(
    clip: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    command, *options = arguments
    result = run(command, clip, *options, "--preview", "--output-dir", tmp_path)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())
