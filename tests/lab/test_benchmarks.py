"""The benchmarks: their published forms compute what the networks do; their numbers add up."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from magnify.cli import app
from magnify.lab.benchmarks import commands, timing
from magnify.lab.benchmarks.commands import (
    FILTERS,
    CommandCost,
    run_command,
    write_clip,
    write_weights,
)
from magnify.lab.benchmarks.complexity import complexity
from magnify.lab.benchmarks.published import published_pair
from magnify.lab.benchmarks.timing import Ceilings, NetworkTime, measure_network, medians
from magnify.models import MagnificationModel
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import CGST, LBVMM, MAGNIFY, OFFICIAL, POSTECH, ZHENGPENG7
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.prepare import load_engine
from magnify.video import VideoReader

Build = Callable[[], MagnificationModel]


def model_and_pair(
    build: Build, height: int, width: int
) -> tuple[MagnificationModel, torch.Tensor, torch.Tensor]:
    model = build()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise * 0.3 / parameter[0].numel() ** 0.5)
    pair = torch.rand(2, 1, 3, height, width, generator=generator) * 2 - 1
    return model.eval(), *pair


NETWORKS = pytest.mark.parametrize(
    "build",
    [FD4MM, *(partial(LBVMM, v) for v in (MAGNIFY, OFFICIAL, ZHENGPENG7, CGST, POSTECH))],
    ids=["fd4mm", "magnify", "official", "zhengpeng7", "cgst", "postech"],
)


@NETWORKS
@torch.inference_mode()
def test_the_published_form_computes_what_the_network_does(build: Build) -> None:
    model, reference, query = model_and_pair(build, 56, 48)
    expected = published_pair(model, reference, query, 7.0)
    output = model.to(memory_format=torch.channels_last)(reference, query, 7.0)  # type: ignore[call-overload]
    assert (output - expected).norm() / expected.norm() < 1e-5
    assert expected.std() > 0.01


@NETWORKS
def test_training_computes_the_same_gradients_as_the_published_form(build: Build) -> None:
    model, reference, query = model_and_pair(build, 24, 32)
    with torch.no_grad():
        expected = model(reference, query, 7.0)

    def gradients(output: torch.Tensor) -> list[torch.Tensor]:
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)
        weight = torch.linspace(-1, 1, output.numel()).view_as(output)
        return list(torch.autograd.grad((output * weight).sum(), list(model.parameters())))

    plain = gradients(published_pair(model, reference, query, 7.0))
    for gradient, wanted in zip(gradients(model(reference, query, 7.0)), plain, strict=True):
        assert wanted.norm() > 0
        assert (gradient - wanted).norm() / wanted.norm() < 1e-3


def test_operations_are_those_of_the_papers() -> None:
    """FD4MM and LBVMM at 720x720: 65.3e9 and 271e9 operations a pair, counted on published code."""
    fd4mm, lbvmm = complexity("fd4mm", 720, 720), complexity("lbvmm", 720, 720)
    assert fd4mm.parameters == 1_472_983
    assert fd4mm.published_operations == pytest.approx(65.3e9, rel=0.01)
    assert lbvmm.published_operations == pytest.approx(271e9, rel=0.05)
    assert fd4mm.operations < 0.8 * fd4mm.published_operations
    assert lbvmm.operations < 0.9 * lbvmm.published_operations
    assert fd4mm.least_bytes == 4 * (1_472_983 + 2 * 3 * 720 * 720)


def test_network_times_are_consistent() -> None:
    device = torch.device("cpu")
    ceilings = Ceilings(matrix_product={"fp32": 1e9, "bf16": 2e9}, copy=1e9)
    fp32, bf16 = measure_network("lbvmm", 16, 24, ceilings, 1, device)
    assert (fp32.precision, bf16.precision) == ("fp32", "bf16")
    for time in (fp32, bf16):
        assert time.times_faster == pytest.approx(time.published_milliseconds / time.milliseconds)
    ceiling_seconds = fp32.operations / 1e9
    assert fp32.share_of_ceiling == pytest.approx(ceiling_seconds / fp32.milliseconds * 1e3)


def test_medians_measure_in_turn() -> None:
    order: list[str] = []

    def clock(name: str) -> float:
        order.append(name)
        return float(len(order))

    clocks = {name: partial(clock, name) for name in ("a", "b")}
    assert medians(clocks, 3) == {"a": 5, "b": 6}  # of 3, 5, 7 and 4, 6, 8
    assert order == ["a", "b"] * 4  # one round to warm up


def test_a_command_is_measured_in_its_own_process(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 4, 32, 48)
    weights = write_weights(tmp_path, "fd4mm")
    arguments = [*FILTERS["dynamic"], "--weights", str(weights), "--device", "cpu"]
    cost = run_command(arguments, clip, tmp_path / "out.mp4")
    assert cost.frames == 4
    assert cost.frames_per_second == pytest.approx(4 / cost.seconds)
    assert 2**26 < cost.peak_bytes < 2**34


def test_the_memory_of_who_measures_does_not_count() -> None:
    held = np.ones(2**26)
    command = [sys.executable, "-m", "magnify.lab.benchmarks.peak", sys.executable, "-c", "pass"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 2**20 < int(printed) < held.nbytes / 4


def test_bench_complexity_prints_json() -> None:
    result = CliRunner().invoke(app, ["bench", "complexity", "--size", "384x384", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["fd4mm"]["parameters"] == 1_472_983


def costs_1_gib(arguments: list[str], clip: Path, output: Path) -> CommandCost:
    assert clip.exists()
    return CommandCost(frames=10, seconds=4.0, peak_bytes=2**30)


def test_bench_memory_compares_two_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "run_command", costs_1_gib)
    arguments = ["bench", "memory", "--frames", "2", "3", "--side", "32"]
    printed = CliRunner().invoke(app, arguments).stdout.splitlines()
    assert len(printed) == 2 + len(FILTERS)
    assert all("1024 MiB" in row and "+0.0%" in row for row in printed[2:])
    peaks = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["peaks"]
    assert [row["filter"] for row in peaks] == list(FILTERS)
    assert peaks[0]["peak_bytes"] == [2**30, 2**30]


def test_bench_prints_networks_and_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    time = NetworkTime("fd4mm", 360, 640, "fp32", 4, 50.0, 400.0, 8.0, 0.25, 10**10, 10**7)
    ceilings = Ceilings({"fp32": 4e11, "bf16": 8e11}, copy=4e10)
    monkeypatch.setattr(timing, "measure_network", lambda *arguments, compiled: [time])
    monkeypatch.setattr(timing, "measure_ceilings", lambda *arguments: ceilings)
    monkeypatch.setattr(commands, "run_command", costs_1_gib)
    arguments = ["bench", "--quick", "--model", "fd4mm", "--device", "cpu"]
    printed = CliRunner().invoke(app, arguments).stdout
    row = "| 360p | fd4mm | fp32      | 4     | 50.0     | 400.0     | 8.0x   | 25%            |"
    assert row in printed
    assert "| 360p | fd4mm | static | 2.50     | 1024 MiB    |" in printed
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert found["networks"][0]["times_faster"] == 8.0
    assert found["commands"][0]["frames_per_second"] == 2.5
    assert found["ceilings"]["copy"] == 4e10
    assert found["coding"][0]["decoded"] > found["commands"][0]["frames_per_second"]
    assert found["coding"][0]["encoded"] > 1


def test_bench_compiles_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []

    def measured(*arguments: object, compiled: bool) -> list[NetworkTime]:
        told.append(compiled)
        return []

    def run(arguments: list[str], clip: Path, output: Path) -> CommandCost:
        told.append(arguments[arguments.index("--compile") + 1] == "on")
        return costs_1_gib(arguments, clip, output)

    monkeypatch.setattr(timing, "measure_network", measured)
    monkeypatch.setattr(commands, "run_command", run)
    arguments = ["bench", "--quick", "--frames", "2", "--model", "lbvmm", "--device", "cpu"]
    for option in ([], ["--compile"]):
        assert CliRunner().invoke(app, [*arguments, *option]).exit_code == 0
    assert told == [False, False, True, True]


def test_bench_profile_names_where_the_time_goes() -> None:
    arguments = ["bench", "profile", "--size", "384x384", "--model", "lbvmm", "--device", "cpu"]
    printed = CliRunner().invoke(app, [*arguments, "--rows", "3"]).stdout.splitlines()
    assert len(printed) == 2 + 3 + 1
    assert "convolution" in printed[2]
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json", "--rows", "200"]).stdout)
    assert sum(operation["share"] for operation in found["lbvmm"]) == pytest.approx(1)
    shares = [operation["share"] for operation in found["lbvmm"]]
    assert shares == sorted(shares, reverse=True)


def test_bench_precision_compares_with_float32(tmp_path: Path) -> None:
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
    arguments = ["bench", "precision", str(clip), "--weights", str(weights), "--device", "cpu"]
    arguments += ["--frames", "3", "--alpha", "1", "--alpha", "30"]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    small, large = json.loads(result.stdout)["costs"]
    assert [small["alpha"], large["alpha"]] == [1, 30]
    assert large["worst"] == pytest.approx(min(expected))
    assert large["mean"] == pytest.approx(np.mean(expected))
    assert 20 < large["worst"] < large["mean"] < 80
    rows = CliRunner().invoke(app, arguments).stdout.splitlines()
    assert "clip.mp4, bf16" in rows[0]
    cells = [cell.strip() for cell in rows[3].split("|")]
    assert cells[1:4] == ["alpha 30", f"{large['worst']:.1f}", f"{large['mean']:.1f}"]
    both = CliRunner().invoke(app, [*arguments, "--model", "fd4mm"])
    assert both.exit_code == 2
    assert "exclude each other" in both.stderr


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:.*Profiler clears events")
def test_bench_profile_sees_the_kernels_of_a_gpu() -> None:
    arguments = ["bench", "profile", "--device", "cuda", "--json", "--rows", "1000"]
    operations = json.loads(CliRunner().invoke(app, arguments).stdout)["lbvmm"]
    assert sum(operation["share"] for operation in operations) == pytest.approx(1)
    names = " ".join(operation["name"] for operation in operations)
    assert "Memcpy HtoD" in names
    assert "Memcpy DtoH" in names
    assert "aten::" not in names


def test_an_unknown_size_is_refused() -> None:
    result = CliRunner().invoke(app, ["bench", "--size", "8k"])
    assert result.exit_code == 2
    assert "'8k' is no size" in result.output
