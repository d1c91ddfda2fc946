"""Frames between frames: how many, when, where what moves is in them, and what stays."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.motion.registration import displacement
from support.moving import filmed, texture, write_lossless
from support.videos import make_clip, read_packets, read_pictures, times

SIZE = (64, 96)
INSIDE = np.zeros(SIZE, bool)
INSIDE[12:-12, 12:-12] = True
CPU = ("--device", "cpu", "--precision", "fp32", "-q")


def interpolate(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["interpolate", *words, *CPU])


@pytest.mark.parametrize(("model", "off"), [("lbvmm", 0.1), ("riesz", 0.05), ("steerable", 0.05)])
def test_what_moves_goes_evenly_from_frame_to_frame(tmp_path: Path, model: str, off: float) -> None:
    places = [0.0, 1.0, 0.4]
    pictures = [filmed(texture(dx, size=SIZE)) for dx in places]
    clip = write_lossless(tmp_path / "in.mkv", pictures, 25)
    output = tmp_path / "out.mkv"
    result = interpolate(clip, "--times", "4", "--model", model, "--lossless", "-o", output)
    assert result.exit_code == 0, result.stderr
    made = read_pictures(output)
    assert len(made) == 9
    assert np.array_equal(made[::4], pictures)
    expected = np.interp(np.arange(9), [0, 4, 8], places)
    found = [displacement(made[0], picture, INSIDE, reach=3).dx for picture in made]
    assert found == pytest.approx(expected, abs=off)


def test_it_lasts_as_long_with_its_sound_and_its_uneven_times(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "in.mkv",
        "-c:v",
        "ffv1",
        "-c:a",
        "flac",
        frames=6,
        audio=1,
        filters="setpts=N*N/40/TB",
    )
    output = tmp_path / "out.mkv"
    arguments = ("--times", "2", "--model", "linear", "-o", output)
    assert interpolate(clip, *arguments).exit_code == 0
    before, after = times(clip), times(output)
    assert after[::2] == pytest.approx([float(t) for t in before], abs=1e-3)
    middles = [float(a + b) / 2 for a, b in pairwise(before)]
    assert after[1::2] == pytest.approx(middles, abs=1e-3)
    sound = [packet.digest for packet in read_packets(output, "a:0")]
    assert sound == [packet.digest for packet in read_packets(clip, "a:0")]


def test_slow_motion_keeps_the_rate_and_leaves_the_sound_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", "-c:v", "ffv1", "-c:a", "flac", frames=5, audio=1)
    output = tmp_path / "out.mkv"
    result = CliRunner().invoke(
        app,
        ["interpolate", str(clip), "--slow", "--model", "linear", "-o", str(output)],
    )
    assert result.exit_code == 0, result.stderr
    assert "has no sound" in result.stderr
    found = times(output)
    assert len(found) == 4 * 5 + 1
    assert float(found[-1] - found[0]) == pytest.approx(20 / 30, abs=0.002)


def test_views_between_two_pictures(tmp_path: Path) -> None:
    for name, dx in (("a", 0.0), ("b", 1.0)):
        Image.fromarray(filmed(texture(dx, size=SIZE))).save(tmp_path / f"{name}.png")
    pair = tmp_path / "a.png", tmp_path / "b.png"
    assert interpolate(*pair, "--frames", "9", "--model", "riesz").exit_code == 0
    assert len(read_pictures(tmp_path / "a_to_b.mp4")) == 9
    folder = tmp_path / "views"
    result = interpolate(*pair, "--frames", "3", "--model", "riesz", "-o", folder)
    assert result.exit_code == 0, result.stderr
    middle = np.asarray(Image.open(folder / "frame_000002.png"))
    first = np.asarray(Image.open(tmp_path / "a.png"))
    assert displacement(first, middle, INSIDE, reach=3).dx == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("step", "told"), [(2.0, False), (4.0, True), (14.0, True)])
def test_motion_that_is_too_large_is_told_wherever_it_comes(
    tmp_path: Path, step: float, told: bool
) -> None:
    places = [0.0] * 8 + [step, step]
    pictures = [filmed(texture(dx, size=SIZE)) for dx in places]
    clip = write_lossless(tmp_path / "in.mkv", pictures, 25)
    command = ["interpolate", str(clip), "--model", "linear", "-o", str(tmp_path / "o.mkv")]
    said = " ".join(CliRunner().invoke(app, command).stderr.split())
    assert (f"moves by {step:.0f} px to frame 8" in said) == told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.png", "b.png", "--times", "3"), "--times and --slow are for a clip"),
        (("a.mp4", "--frames", "3"), "--frames is for pictures"),
        (("a.mp4", "--times", "1"), "'--times': '1' should be"),
        (("none.mp4",), "no such file"),
        (("none.png", "other.png"), "cannot be read as an image"),
        (("a.mp4", "--model", "fine"), "unknown model 'fine'"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = interpolate(*arguments, *(() if "fine" in arguments else ("--model", "linear")))
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    for name, side in (("a", 32), ("b", 40)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    result = interpolate(tmp_path / "a.png", tmp_path / "b.png", "--model", "linear")
    assert result.exit_code == 2
    assert "is 40x40 of 8 bits" in result.stderr
