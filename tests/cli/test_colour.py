"""`magnify colour`: the pulse in a face, and no pulse where there is none."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from magnify.analysis.pulse import find_pulse
from magnify.cli import app
from magnify.errors import SettingsError
from support.clips import write_clip
from support.faces import RATE, blushing


def colour(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["colour", *map(str, arguments)])


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures, _ = blushing(seconds=10, frequency=1.23, amplitude=1.0)
    return write_clip(tmp_path_factory.mktemp("face") / "face.mp4", pictures, RATE)


def test_it_says_how_often_the_colour_changes(face: Path) -> None:
    result = colour(face, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["alpha"] == 50
    assert (report["mode"]["low"], report["mode"]["high"]) == (0.8, 2.0)
    assert Path(report["output"]).name == "face_x50_0.8-2Hz_colour.mp4"
    found = re.search(r"at (\S+) Hz, (\d+) per minute, in (\d+)% of the picture", result.stderr)
    assert found is not None, result.stderr
    assert float(found[1]) == pytest.approx(1.23, abs=1 / 60)
    assert int(found[2]) == pytest.approx(60 * 1.23, abs=1)
    assert "no medical device" in result.stderr


def test_a_still_scene_has_no_pulse(tmp_path: Path) -> None:
    pictures, _ = blushing(seconds=10, frequency=1.0, amplitude=0.0)
    clip = write_clip(tmp_path / "still.mp4", pictures, RATE)
    result = colour(clip)
    assert result.exit_code == 0, result.stderr
    assert "no clear pulse" in result.stderr
    assert "per minute" not in result.stderr


def test_flickering_light_is_no_pulse(tmp_path: Path) -> None:
    pictures, _ = blushing(seconds=10, frequency=1.0, amplitude=0.0)
    light = 1 + 0.02 * np.sin(2 * np.pi * 1.5 * np.arange(len(pictures)) / RATE)
    lit = np.rint(pictures * light[:, None, None, None]).clip(0, 255).astype(np.uint8)
    result = colour(write_clip(tmp_path / "lit.mp4", lit, RATE))
    assert "that is the light, not a pulse" in result.stderr


def test_a_clip_of_two_beats_is_too_short(tmp_path: Path) -> None:
    pictures, _ = blushing(seconds=2, frequency=1.2, amplitude=1.0)
    clip = write_clip(tmp_path / "short.mp4", pictures, RATE)
    with pytest.raises(SettingsError, match=r"too short for a frequency of 0\.8 Hz; 3\.75 s tell"):
        find_pulse(clip, 0.8, 2.0)


@pytest.mark.parametrize("other", [("--model", "riesz"), ("--cutoff", "3")])
def test_options_of_other_models_are_refused(face: Path, other: tuple[str, str]) -> None:
    result = colour(face, "-o", face.with_name("other.mp4"), *other)
    assert result.exit_code == 2
    assert not face.with_name("other.mp4").exists()
