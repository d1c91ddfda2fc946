"""The benchmark scripts: their numbers add up, and they end as `magnify` does."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import imageio.v3 as iio
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from magnify.errors import MagnifyError
from magnify.lab.speed import commands
from magnify.lab.speed.commands import CommandCost, write_clip, write_weights
from magnify.lab.speed.machine import Ceilings
from magnify.lab.synthesis import Photographs
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.prepare import load_engine
from magnify.video import VideoReader
from support.moving import filmed, texture

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script as a module; run by its file, it finds its neighbours in its own folder."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module(name)


def invoke(module: ModuleType, *arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(module.main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_operations_are_those_of_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """FD4MM and LBVMM at 720x720: 65.3e9 and 271e9 operations a pair, counted on published code."""
    complexity = script("complexity", monkeypatch)
    fd4mm, lbvmm = complexity.count("fd4mm", 720, 720), complexity.count("lbvmm", 720, 720)
    assert fd4mm["parameters"] == 1_472_983
    assert fd4mm["published_operations"] == pytest.approx(65.3e9, rel=0.01)
    assert lbvmm["published_operations"] == pytest.approx(271e9, rel=0.05)
    assert fd4mm["operations"] < 0.8 * fd4mm["published_operations"]
    assert lbvmm["operations"] < 0.9 * lbvmm["published_operations"]
    found = json.loads(invoke(complexity, "--size", "384x384", "--json").stdout)
    assert found["fd4mm"]["parameters"] == 1_472_983


def test_memory_compares_two_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = script("memory", monkeypatch)
    cost = CommandCost(frames=10, seconds=4.0, peak_bytes=2**30)
    monkeypatch.setattr(commands, "run_command", lambda arguments, clip, output: cost)
    arguments = ["--frames", "2", "3", "--side", "32"]
    printed = invoke(memory, *arguments).stdout.splitlines()
    assert len(printed) == 2 + len(memory.COMMANDS)
    assert all("1024 MiB" in row and "+0.0%" in row for row in printed[2:])
    peaks = json.loads(invoke(memory, *arguments, "--json").stdout)["peaks"]
    assert [row["filter"] for row in peaks] == list(memory.COMMANDS)
    assert peaks[0]["peak_bytes"] == [2**30, 2**30]


def test_the_profile_names_where_the_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    profiling = script("profile_network", monkeypatch)
    monkeypatch.setitem(profiling.SIZES, "384x384", (48, 48))
    arguments = ["--size", "384x384", "--model", "lbvmm", "--device", "cpu"]
    printed = invoke(profiling, *arguments, "--rows", "3").stdout.splitlines()
    assert len(printed) == 2 + 3 + 1
    found = json.loads(invoke(profiling, *arguments, "--json", "--rows", "200").stdout)
    shares = [operation["share"] for operation in found["lbvmm"]]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert any("convolution" in operation["name"] for operation in found["lbvmm"])


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:.*Profiler clears events")
def test_the_profile_sees_the_kernels_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    profiling = script("profile_network", monkeypatch)
    arguments = ["--device", "cuda", "--json", "--rows", "1000"]
    operations = json.loads(invoke(profiling, *arguments).stdout)["lbvmm"]
    assert sum(operation["share"] for operation in operations) == pytest.approx(1)
    names = " ".join(operation["name"] for operation in operations)
    assert "Memcpy HtoD" in names
    assert "Memcpy DtoH" in names
    assert "aten::" not in names


def test_precision_is_compared_with_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 6, 40, 48)
    weights = write_weights(tmp_path, "fd4mm")
    with VideoReader(clip) as reader:
        pictures = np.stack([frame.picture for frame in reader])[::2]
    exact, short = (
        magnify_frames(pictures, alpha=30, weights=load_engine(weights, "cpu", name))
        for name in ("fp32", "bf16")
    )
    expected = [
        10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))
        for a, b in zip(exact, short, strict=True)
    ]
    precision = script("precision", monkeypatch)
    arguments = [clip, "--weights", weights, "--device", "cpu", "--frames", "3"]
    arguments += ["--alpha", "1", "--alpha", "30"]
    result = invoke(precision, *arguments, "--json")
    assert result.exit_code == 0, result.output
    small, large = json.loads(result.stdout)["costs"]
    assert [small["alpha"], large["alpha"]] == [1, 30]
    assert large["worst"] == pytest.approx(min(expected))
    assert large["mean"] == pytest.approx(np.mean(expected))
    assert 20 < large["worst"] < large["mean"] < 80
    rows = invoke(precision, *arguments).stdout.splitlines()
    assert "clip.mp4, bf16" in rows[0]
    cells = [cell.strip() for cell in rows[3].split("|")]
    assert cells[1:4] == ["alpha 30", f"{large['worst']:.1f}", f"{large['mean']:.1f}"]


def test_the_published_form_is_measured_in_its_own_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = script("published", monkeypatch)
    monkeypatch.setitem(published.SIZES, "360p", (16, 24))
    ceilings = Ceilings({"fp32": 4e11, "bf16": 8e11}, copy=4e10)
    monkeypatch.setattr(published, "measure_ceilings", lambda *arguments: ceilings)
    result = invoke(published, "--model", "lbvmm", "--repeats", "1", "--device", "cpu", "--json")
    assert result.exit_code == 0, result.output
    for row in json.loads(result.stdout)["networks"]:
        ratio = row["published_milliseconds"] / row["milliseconds"]
        assert row["times_faster"] == pytest.approx(ratio)


def test_a_published_form_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    published = script("published", monkeypatch)
    clock = published.published_clock("no such network", 16, 24, torch.device("cpu"))
    with clock as seconds, pytest.raises(MagnifyError, match="times the published no such network"):
        seconds()


def test_a_script_ends_with_one_line_and_an_exit_code() -> None:
    command = [sys.executable, str(SCRIPTS / "memory.py"), "--side", "33"]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr == "magnify: error: --side must be even, and both --frames 2 or more\n"


def test_a_place_is_found_and_a_band_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands = script("bands", monkeypatch)
    monkeypatch.setattr(bands, "SIZE", 96)
    monkeypatch.setattr(bands, "SCENES", 1)
    for folder in ("images", "objects"):
        (tmp_path / folder).mkdir()
    faint = (texture(size=(240, 240)) - 127) / 4
    iio.imwrite(tmp_path / "images" / "photograph.png", filmed(127 + faint))
    disc = 255 * (np.hypot(*(np.mgrid[:64, :64] - 31.5)) < 30)
    cutout = np.dstack([filmed(texture(size=(64, 64), seed=5)), disc.astype(np.uint8)])
    iio.imwrite(tmp_path / "objects" / "disc.png", cutout)
    photographs = Photographs.load(tmp_path / "images", tmp_path / "objects")
    for _, scene in bands.scenes(photographs):
        assert bands.place(scene(1.37), scene, 1.0) == pytest.approx(1.37, abs=0.01)
    monkeypatch.setattr(bands, "SWAYS", {0.1: 10.0})
    monkeypatch.setattr(bands, "MODELS", {"riesz": bands.MODELS["riesz"]})
    rows = json.loads(invoke(bands, "--data", str(tmp_path), "--json").stdout)["rows"]
    assert [row["moves"] for row in rows] == ["background", "object", "line"]
    assert rows[-1]["inside"] == pytest.approx(1, abs=0.15)
    assert rows[-1]["outside"] == pytest.approx(1, abs=0.1)


def test_measured_motion_is_that_of_the_textures(monkeypatch: pytest.MonkeyPatch) -> None:
    measuring = script("measuring", monkeypatch)
    monkeypatch.setattr(measuring, "NOISES", (0.0, 3.0))
    monkeypatch.setattr(measuring, "AMPLITUDES", (0.3,))
    still, noisy = json.loads(invoke(measuring, "--json").stdout)["accuracies"]
    assert still["gain"] == pytest.approx(1, abs=0.01)
    assert still["scatter"] < noisy["scatter"] < 0.02
    assert still["region"] < noisy["region"] < 0.02
