"""`magnify compare`: pairing by time, layouts, sizes and sound."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.moving import write_lossless
from support.videos import describe, make_clip, read_pictures, times

HEIGHT, WIDTH, RATE = 24, 32, 10.0


def grey(*levels: int) -> NDArray[np.uint8]:
    """One even picture a level."""
    return np.array([np.full((HEIGHT, WIDTH, 3), level) for level in levels], np.uint8)


def compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, arguments), "-q"])


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Three frames at 10 a second, and six at 20."""
    first = write_lossless(tmp_path / "a.mkv", grey(40, 80, 120), RATE)
    second = write_lossless(tmp_path / "b.mkv", grey(50, 60, 70, 90, 110, 140), 2 * RATE)
    return first, second


@pytest.mark.parametrize(
    ("layout", "shape", "first", "second"),
    [
        ("side", (HEIGHT, 2 * WIDTH + 4), np.s_[:, :WIDTH], np.s_[:, -WIDTH:]),
        ("stack", (2 * HEIGHT + 4, WIDTH), np.s_[:HEIGHT], np.s_[-HEIGHT:]),
    ],
)
def test_frames_are_paired_by_time(
    pair: tuple[Path, Path],
    tmp_path: Path,
    layout: str,
    shape: tuple[int, int],
    first: tuple[slice, ...],
    second: tuple[slice, ...],
) -> None:
    result = compare(*pair, "--layout", layout, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.stderr
    found = read_pictures(tmp_path / "out.mp4")
    assert found.shape[1:3] == shape
    for number, (before, after) in enumerate(((40, 50), (80, 70), (120, 110))):
        assert found[number][first].mean() == pytest.approx(before, abs=2)
        assert found[number][second].mean() == pytest.approx(after, abs=2)
    assert [float(time) for time in times(tmp_path / "out.mp4")] == pytest.approx([0, 0.1, 0.2])


def test_the_difference_is_enlarged_around_grey(pair: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    arguments = ("--layout", "difference", "--gain", "4", "-o", output)
    assert compare(*pair, *arguments).exit_code == 0
    levels = read_pictures(output).mean(axis=(1, 2, 3))
    assert levels == pytest.approx([128 + 40, 128 - 40, 128 - 40], abs=2)


def test_a_wipe_shows_the_first_left_of_its_line(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert compare(*pair, "--layout", "wipe", "-o", tmp_path / "out.mp4").exit_code == 0
    found = read_pictures(tmp_path / "out.mp4")[0]
    assert found[:, :10].mean() == pytest.approx(40, abs=2)
    assert found[:, 20:].mean() == pytest.approx(50, abs=2)
    assert found[:, WIDTH // 2 - 2 : WIDTH // 2 + 2].max() > 180


def test_labels_stand_above(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for layout in ("side", "difference"):
        output = tmp_path / f"{layout}.mp4"
        assert compare(*pair, "--labels", "--layout", layout, "-o", output).exit_code == 0
        found = read_pictures(output)[0]
        assert found.shape[0] == HEIGHT + 20
        assert found[:20].min() < 120 < 240 < found[:20].max()


def test_only_the_region_is_shown(pair: tuple[Path, Path], tmp_path: Path) -> None:
    assert compare(*pair, "--roi", "4,2,10,8", "-o", tmp_path / "out.mp4").exit_code == 0
    assert read_pictures(tmp_path / "out.mp4").shape[1:3] == (8, 24)


def test_other_sizes_need_to_be_asked_for(pair: tuple[Path, Path], tmp_path: Path) -> None:
    large = np.repeat(np.repeat(grey(40, 80, 120), 2, 1), 2, 2)
    other = write_lossless(tmp_path / "large.mkv", large, RATE)
    output = tmp_path / "out.mp4"
    refused = compare(pair[0], other, "-o", output)
    assert refused.exit_code == 2
    assert "64x48" in refused.stderr
    assert "--resize" in refused.stderr
    assert not output.exists()
    assert compare(pair[0], other, "--resize", "-o", output).exit_code == 0
    found = read_pictures(output)
    assert found.shape[1:3] == (HEIGHT, 2 * WIDTH + 4)
    assert found[..., :WIDTH, :].mean() == pytest.approx(found[..., -WIDTH:, :].mean(), abs=1)


def test_three_clips_and_the_sound_of_the_first(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.mp4", frames=6, audio=1)
    others = [make_clip(tmp_path / f"{name}.mp4", frames=6) for name in "bc"]
    assert compare(first, *others).exit_code == 0
    output = tmp_path / "a_and_b_and_c.mp4"
    assert read_pictures(output).shape[1:3] == (48, 3 * 64 + 8)
    assert "Audio" in describe(output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.mkv"], "nothing to compare"),
        (["a.mkv", "a.mkv"], "compared with itself"),
        (["a.mkv", "b.mkv", "c.mkv", "--layout", "wipe"], "shows two clips"),
        (["a.mkv", "b.mkv", "--gain", "0", "--layout", "difference"], "gain must be above 0"),
        (["a.mkv", "b.mkv", "--roi", "30,0,10,10"], "leaves the picture"),
        (["a.mkv", "b.mkv", "-o", "b.mkv", "-y"], "is one of the inputs"),
        (["a.mkv", "b.mkv", "-o", "out.xyz"], "cannot write"),
    ],
    ids=str,
)
def test_what_cannot_be_leaves_nothing(
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lossless(tmp_path / "c.mkv", grey(1, 2), RATE)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = compare(*arguments)
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
