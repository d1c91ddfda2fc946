"""`magnify analyze`: the folder it writes, what it prints, what it refuses."""

import csv
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.moving import filmed, texture, write_lossless
from support.videos import ffmpeg

FRAMES, RATE = 48, 30.0


@pytest.fixture(scope="module")
def swaying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.3 px at 5 Hz, 64x48."""
    random = np.random.default_rng(6)
    moved = 0.3 * np.sin(2 * np.pi * 5 * np.arange(FRAMES) / RATE)
    pictures = [filmed(texture(dx, 0, (48, 64)), 0.5, random) for dx in moved]
    return write_lossless(tmp_path_factory.mktemp("clips") / "sway.mkv", pictures, RATE)


def analyze(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_tables_pictures_and_a_summary(swaying: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    result = analyze(swaying, "--output-dir", folder)
    assert result.exit_code == 0, result.stderr
    peak = rows(folder / "peaks.csv")[0]
    assert float(peak["frequency_hz"]) == pytest.approx(5, abs=0.1)
    assert float(peak["amplitude_px"]) == pytest.approx(0.3, rel=0.05)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["frames"] == FRAMES
    assert summary["peaks"][0]["suggestion"]["command"] in result.stdout
    blocks = rows(folder / "peak_1.csv")
    assert all(float(block["amplitude_px"]) == pytest.approx(0.3, rel=0.2) for block in blocks)
    assert rows(folder / "spectrum.csv")[-1]["frequency_hz"] == "15"
    assert len(rows(folder / "blocks.csv")) >= len(blocks)
    for name in ("spectrum.png", "peak_1.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_a_suggestion_for_pictures_runs_as_it_is(swaying: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "frame_%03d.png"
    ffmpeg("-i", str(swaying), str(pictures))
    folder = tmp_path / "results"
    result = analyze(pictures, "--fps", "12.5", "--output-dir", folder, "--no-plots")
    assert result.exit_code == 0, result.stderr
    command = json.loads((folder / "summary.json").read_text())["peaks"][0]["suggestion"]["command"]
    words = shlex.split(command)
    assert words[:3] == ["magnify", "bandpass", str(pictures)]
    rehearsed = CliRunner().invoke(app, [*words[1:], "--model", "linear", "--dry-run"])
    assert rehearsed.exit_code == 0, rehearsed.stderr


def test_cautions_come_before_the_numbers(swaying: Path, tmp_path: Path) -> None:
    lines = analyze(swaying, "--output-dir", tmp_path / "r", "--no-plots").stdout.splitlines()
    assert lines[0].startswith(("note: ", "warning: "))
    assert any("moves as one" in line and " 5 " in line for line in lines)
    assert not list((tmp_path / "r").glob("*.png"))


def test_json_is_one_object_and_nothing_else(swaying: Path, tmp_path: Path) -> None:
    result = analyze(swaying, "--output-dir", tmp_path / "r", "--no-plots", "--json")
    report = json.loads(result.stdout)
    assert report["output"] == str(tmp_path / "r")
    caution = report["cautions"][0]
    assert set(caution) == {"code", "severity", "text", "value", "threshold"}


def test_the_folder_is_beside_the_clip(swaying: Path) -> None:
    assert analyze(swaying, "--no-plots", "-q").exit_code == 0
    folder = swaying.parent / "sway_analysis"
    assert (folder / "summary.json").is_file()
    again = analyze(swaying, "--no-plots", "-q")
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    assert analyze(swaying, "--no-plots", "-q", "-y", "--peaks", "1").exit_code == 0
    assert not (folder / "peak_2.csv").exists()
    assert sorted(path.name for path in swaying.parent.iterdir()) == ["sway.mkv", "sway_analysis"]


def test_a_folder_with_other_things_is_never_replaced(swaying: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = analyze(swaying, "--output-dir", tmp_path, "--overwrite", "--no-plots")
    assert result.exit_code == 2
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_without_matplotlib_tables_are_written_all_the_same(
    swaying: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = analyze(swaying, "--output-dir", tmp_path / "r")
    assert result.exit_code == 0
    assert "pip install 'magnify-video[plots]'" in result.stderr
    assert (tmp_path / "r" / "peaks.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--roi", "60,0,10,10"], 2, "leaves the picture"),
        (["--roi", "0,0,4,40"], 2, "too small"),
        (["--roi", "a"], 2, "is no region"),
        (["--block", "some"], 2, "no block size"),
        (["--fmax", "16"], 2, "above half the frame rate"),
        (["--max-frames", "20"], 2, "too few"),
        (["--start", "yesterday"], 2, "is no time"),
        (["--output-dir", "/missing/folder"], 2, "there is no folder"),
    ],
    ids=str,
)
def test_what_cannot_be_leaves_nothing(
    swaying: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    folder = [] if "--output-dir" in arguments else ["--output-dir", tmp_path / "r"]
    result = analyze(swaying, *folder, *arguments)
    assert result.exit_code == code, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert message in line
    assert not list(tmp_path.iterdir())


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    result = analyze(tmp_path / "missing.mp4")
    assert result.exit_code == 1
    assert "missing.mp4" in result.stderr


def test_what_a_broken_file_holds_is_analysed(swaying: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    whole = swaying.read_bytes()
    broken.write_bytes(whole[: len(whole) * 5 // 6])
    result = analyze(broken, "--no-plots", "-q")
    assert result.exit_code == 1
    summary = json.loads((tmp_path / "broken_analysis" / "summary.json").read_text())
    assert 32 <= summary["frames"] < FRAMES
    assert summary["truncated"] in result.stderr


def test_interlaced_frames_are_warned_of(swaying: Path, tmp_path: Path) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg("-i", swaying, "-vf", "setfield=tff", "-c:v", "libx264", "-x264-params", "tff=1", clip)
    result = analyze(clip, "--no-plots", "--json")
    cautions = {caution["code"] for caution in json.loads(result.stdout)["cautions"]}
    assert "interlaced" in cautions
