"""Sweeps: what the baselines score is known beforehand, and an ended sweep goes on."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.lab.evaluation.sweeps import SWEEPS
from support.moving import filmed, texture


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs and an object, drawn."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("images", "objects"):
        (folder / name).mkdir()
    for number in range(2):
        picture = filmed(texture(size=(160, 160), seed=number))
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
    disc = np.hypot(*(np.mgrid[:120, :120] - 59.5)) < 55
    cut_out = np.dstack([filmed(texture(size=(120, 120), seed=5)), 255 * disc.astype(np.uint8)])
    Image.fromarray(cut_out).save(folder / "objects" / "disc.png")
    return folder


def sweep(data: Path, output: Path, *arguments: str) -> Result:
    command = ["evaluate", "sweep", str(data), "-o", str(output), *arguments, "--device", "cpu"]
    return CliRunner().invoke(app, [*command, "--size", "96", "--scenes", "1"])


def test_the_truth_is_right_and_the_input_does_not_move(data: Path, tmp_path: Path) -> None:
    name = "magnified"
    methods = ("--model", "oracle", "--model", "nothing")
    result = sweep(data, tmp_path / "out", "--sweep", name, *methods)
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "out" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(SWEEPS[name].conditions)
    for row in rows:
        if row["method"] == "oracle":
            assert float(row["gain"]) == pytest.approx(1, abs=0.02)
            assert float(row["ssim"]) > 0.99
        if row["method"] == "nothing" and float(row["value"]) > 2:
            assert float(row["gain"]) == pytest.approx(0.1, abs=0.05)
    assert (tmp_path / "out" / "plot.svg").read_text().startswith("<?xml")
    latex = (tmp_path / "out" / "table.tex").read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
    assert "magnified: magnified motion (px), at a factor of 10" in result.stdout


def test_it_says_how_long_it_will_take(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magnify.cli.lab.sweeps.WORTH_TELLING", 0.0)
    result = sweep(data, tmp_path / "out", "--sweep", "noise-small", "--model", "nothing")
    assert "to go" in result.stderr


def test_an_ended_sweep_goes_on(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--sweep", "sub-pixel", "--model", "nothing", "-q")
    assert sweep(data, out, *arguments).exit_code == 0
    kept = (out / "rows.jsonl").read_text()
    lines = kept.splitlines(keepends=True)
    assert len(lines) == 1 + len(SWEEPS["sub-pixel"].conditions)
    (out / "rows.jsonl").write_text("".join(lines[:4]) + lines[4][:20])  # ended in a line
    assert sweep(data, out, *arguments).exit_code == 0
    again = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert again == [json.loads(line) for line in lines]
    other = sweep(data, out, *arguments, "--frames", "5")
    assert other.exit_code == 2
    assert "was made with other settings" in other.stderr


def test_rows_of_other_weights_are_not_taken_for_these(data: Path, tmp_path: Path) -> None:
    weights = Path(__file__).parents[3] / "weights"
    out, arguments = tmp_path / "out", ("--sweep", "noise-large", "-q")
    found = []
    for name in ("lbvmm", "fd4mm"):
        folder = tmp_path / name
        folder.mkdir()
        file = folder / "net.safetensors"
        file.write_bytes((weights / f"{name}.safetensors").read_bytes())
        assert sweep(data, out, *arguments, "--weights", str(file)).exit_code == 0
        found.append((out / "table.csv").read_text())
    assert found[0] != found[1]
    both = [str(tmp_path / name / "net.safetensors") for name in ("lbvmm", "fd4mm")]
    result = sweep(data, out, *arguments, "--weights", both[0], "--weights", both[1])
    assert result.exit_code == 2
    assert "two methods are called net" in result.stderr
    (out / "rows.jsonl").write_text("{torn")
    result = sweep(data, out, *arguments, "--model", "nothing")
    assert result.exit_code == 2
    assert "is no file of rows" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sweep", "speed"), "unknown sweep 'speed'; choose one of sub-pixel"),
        (("--frames", "4"), "frames must be an odd number"),
        (("--model", "fine"), "fine"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told(
    data: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = sweep(data, tmp_path / "out", *arguments)
    assert result.exit_code != 0
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
