"""`--band auto` and `--alpha auto`: what the clip's motion says, and no guess where it does not."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.moving import filmed, texture, write_lossless

RATE, FRAMES, SIZE = 30, 96, (64, 96)
LEFT = np.s_[:, :48]


def clip(tmp_path: Path, *tones: tuple[float, float], rest: tuple[float, float] = (1, 0)) -> Path:
    """The left half sways by the tones (Hz, px), the right half by `rest`."""
    time = np.arange(FRAMES) / RATE
    pictures = []
    for t in time:
        levels = texture(rest[1] * np.sin(2 * np.pi * rest[0] * t), size=SIZE, seed=1)
        sway = sum(px * np.sin(2 * np.pi * hz * t) for hz, px in tones)
        levels[LEFT] = texture(sway, size=SIZE)[LEFT]
        pictures.append(filmed(levels, 0.5, np.random.default_rng(int(t * 1000))))
    return write_lossless(tmp_path / "in.mkv", pictures, RATE)


def planned(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    model = ["--model", "linear", "--device", "cpu", "--dry-run", "--json", "--no-cautions"]
    return CliRunner().invoke(app, [*words, *model])


def test_the_band_and_the_factor_are_those_of_the_motion(tmp_path: Path) -> None:
    result = planned("bandpass", clip(tmp_path, (4.0, 0.2)), "--band", "auto", "--alpha", "auto")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["mode"]["low"] < 3.9
    assert 4.1 < told["mode"]["high"] < 5
    assert told["alpha"] == 15  # 3 px of 0.2
    assert told["job"]["alpha"] == 15
    assert "the band is 3." in result.stderr
    assert "alpha is 15: the strongest motion is 0.2 px" in result.stderr


def test_two_motions_leave_it_open(tmp_path: Path) -> None:
    path = clip(tmp_path, (4.0, 0.2), rest=(9.0, 0.18))
    result = planned("bandpass", path, "--band", "auto")
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert "several bands hold as much motion" in line
    assert "(0.2 px)" in line
    one = planned("bandpass", path, "--band", "auto", "--roi", "0,0,44,64")
    assert one.exit_code == 0, one.stderr
    assert json.loads(one.stdout)["mode"]["high"] < 5


def test_the_factor_of_a_given_band(tmp_path: Path) -> None:
    path = clip(tmp_path, (4.0, 0.2), rest=(9.0, 0.06))
    result = planned("bandpass", path, "--low", "7", "--high", "11", "--alpha", "auto")
    assert json.loads(result.stdout)["alpha"] == 50


@pytest.mark.parametrize(("mode", "alpha"), [("static", 15), ("dynamic", 20)])
def test_the_factor_of_all_motion(tmp_path: Path, mode: str, alpha: float) -> None:
    path = clip(tmp_path, (4.0, 0.2), rest=(4.0, 0.2))
    result = planned("run", path, "--mode", mode, "--alpha", "auto")
    assert json.loads(result.stdout)["alpha"] == alpha


def test_what_holds_still_says_nothing(tmp_path: Path) -> None:
    result = planned("bandpass", clip(tmp_path), "--band", "auto")
    assert result.exit_code == 2
    assert "no frequency stands out; give --low and --high" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bandpass", "a.mp4", "b.mp4", "--band", "auto"), "auto takes a single input"),
        (("run", "a.mp4", "b.mp4", "--alpha", "auto"), "--alpha auto takes a single input"),
        (("bandpass", "a.mp4", "--band", "auto", "--low", "1"), "leave --low and --high out"),
        (("acceleration", "a.mp4", "--frequency", "3", "--alpha", "auto"), "is for run and band"),
        (("colour", "a.mp4", "--alpha", "auto"), "is for run and bandpass"),
        (("run", "a.mp4", "--alpha", "much"), "alpha must be a number or auto, not 'much'"),
    ],
    ids=" ".join,
)
def test_where_auto_cannot_be(arguments: tuple[str, ...], said: str) -> None:
    result = planned(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
