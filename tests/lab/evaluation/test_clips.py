"""Quality without a truth: what calm, flicker and sharpness say of pictures made for it."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.lab.evaluation.clips import measured, read_settings
from support.clips import drifting_pattern
from support.moving import filmed, texture, write_lossless

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_input_itself_is_as_sharp_and_as_calm() -> None:
    clip = drifting_pattern(6, 40, 60)
    score = measured(clip, clip)
    assert score.sharpness == pytest.approx(1)
    assert score.still == pytest.approx(score.input_still)


def test_noise_flicker_and_blur_are_told_apart() -> None:
    random = np.random.default_rng(3)
    clip = np.stack([filmed(texture(size=(48, 64)))] * 8)
    noisy = clip + random.normal(0, 4, clip.shape)
    light = clip + 5 * (-1.0) ** np.arange(8)[:, None, None, None]
    blurred = ndimage.gaussian_filter(clip.astype(float), (0, 2, 2, 0))
    found = {
        name: measured(clip, np.rint(pictures).clip(0, 255).astype(np.uint8))
        for name, pictures in (("noisy", noisy), ("light", light), ("blurred", blurred))
    }
    assert found["noisy"].still > 1.5
    assert found["noisy"].flicker < 0.2
    assert found["light"].flicker == pytest.approx(5, abs=0.5)
    assert found["blurred"].sharpness < 0.6
    assert found["blurred"].still == 0


def evaluate(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["evaluate", "clips", *words, "--device", "cpu"])


def test_a_table_of_settings_gives_a_table_with_pictures(tmp_path: Path) -> None:
    write_lossless(tmp_path / "a.mkv", drifting_pattern(12, 40, 60), 30)
    table = tmp_path / "settings.csv"
    table.write_text("clip,mode,alpha,low,high\na.mkv,static,5,,\na.mkv,bandpass,9,2,5\n")
    out = tmp_path / "out"
    models = ("--model", "linear", "--model", "riesz")
    result = evaluate(table, "-o", out, *models, "--frames", "8")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert [(row["mode"], row["method"]) for row in rows] == [
        ("static", "linear"),
        ("static", "riesz"),
        ("2-5Hz", "linear"),
        ("2-5Hz", "riesz"),
    ]
    assert json.loads((out / "summary.json").read_text())["frames"] == 8
    with Image.open(out / "clip_2.png") as sheet:
        assert sheet.width > 3 * 60


def test_the_published_settings_are_understood() -> None:
    settings = read_settings(EXAMPLES / "lbvmm_table_a1.csv")
    assert {setting.mode for setting in settings} == {"static", "dynamic", "bandpass"}
    assert len(settings) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,alpha\na.mp4,5\n", "needs the columns clip, mode, alpha"),
        ("clip,mode,alpha\n", "a line or more"),
        ("clip,mode,alpha\na.mp4,sideways,5\n", "line 2: a.mp4: unknown mode 'sideways'"),
        ("clip,mode,alpha\na.mp4,static,many\n", "line 2: could not convert"),
        ("clip,mode,alpha,low\na.mp4,bandpass,5,\n", "line 2: "),
        ("clip,mode,alpha\nnone.mp4,static,5\n", "no such file"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "settings.csv"
    table.write_text(text)
    result = evaluate(table, "-o", tmp_path / "out", "--model", "linear")
    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["settings.csv"]


def test_without_pyiqa_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    table = tmp_path / "settings.csv"
    table.write_text("clip,mode,alpha\na.mp4,static,5\n")
    result = evaluate(table, "-o", tmp_path / "out", "--model", "linear", "--metric", "maniqa")
    assert result.exit_code == 2
    assert "--metric needs pyiqa: pip install 'magnify-video[quality]'" in result.stderr
