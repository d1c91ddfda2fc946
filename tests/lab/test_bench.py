"""`magnify bench`: its numbers add up, and whole commands are measured in their own processes."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from magnify.cli import app
from magnify.errors import MagnifyError
from magnify.lab.speed import commands, machine, networks
from magnify.lab.speed.commands import CommandCost, run_command, write_clip, write_weights
from magnify.lab.speed.machine import Ceilings, medians
from magnify.lab.speed.networks import NetworkTime, measure_network

CEILINGS = Ceilings({"fp32": 4e11, "bf16": 8e11}, copy=4e10)


def test_network_times_are_consistent() -> None:
    ticks: list[float] = []

    def beside() -> float:
        ticks.append(2.0)
        return ticks[-1]

    (fp32, bf16), others = measure_network(
        "lbvmm", 16, 24, CEILINGS, 1, torch.device("cpu"), beside={"other": beside}
    )
    assert (fp32.precision, bf16.precision) == ("fp32", "bf16")
    assert fp32.share_of_ceiling == pytest.approx(fp32.operations / 4e11 / fp32.milliseconds * 1e3)
    assert bf16.share_of_ceiling == pytest.approx(bf16.operations / 8e11 / bf16.milliseconds * 1e3)
    assert fp32.least_bytes == 4 * (918_928 + 2 * 3 * 16 * 24)
    assert others == {"other": 2.0}
    assert len(ticks) == 2, "one round to warm up"


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
    arguments = ["run", "--mode", "dynamic", "--weights", str(weights), "--device", "cpu"]
    cost = run_command(arguments, clip, tmp_path / "out.mp4")
    assert cost.frames == 4
    assert cost.frames_per_second == pytest.approx(4 / cost.seconds)
    assert 2**26 < cost.peak_bytes < 2**34


def test_a_command_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(MagnifyError, match=r"the measured command failed: .*magnify run"):
        run_command(["run"], tmp_path / "missing.mp4", tmp_path / "out.mp4")


def test_the_memory_of_who_measures_does_not_count() -> None:
    held = np.ones(2**26)
    command = [sys.executable, "-m", "magnify.lab.speed.peak", sys.executable, "-c", "pass"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 2**20 < int(printed) < held.nbytes / 4


def costs_1_gib(arguments: list[str], clip: Path, output: Path) -> CommandCost:
    assert clip.exists()
    return CommandCost(frames=10, seconds=4.0, peak_bytes=2**30)


def test_bench_prints_networks_and_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    time = NetworkTime("fd4mm", 360, 640, "fp32", 4, 50.0, 0.25, 10**10, 10**7)
    monkeypatch.setattr(networks, "measure_network", lambda *arguments, compiled: ([time], {}))
    monkeypatch.setattr(machine, "measure_ceilings", lambda *arguments: CEILINGS)
    monkeypatch.setattr(commands, "run_command", costs_1_gib)
    arguments = ["bench", "--quick", "--model", "fd4mm", "--device", "cpu"]
    printed = CliRunner().invoke(app, arguments).stdout
    assert "| 360p | fd4mm | fp32      | 4     | 50.0     | 25%            |" in printed
    assert "| 360p | fd4mm | static | 2.50     | 1024 MiB    |" in printed
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert found["networks"][0]["milliseconds"] == 50.0
    assert found["commands"][0]["frames_per_second"] == 2.5
    assert found["ceilings"]["copy"] == 4e10
    assert found["coding"][0]["decoded"] > found["commands"][0]["frames_per_second"]
    assert found["coding"][0]["encoded"] > 1


def test_bench_compiles_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []

    def measured(*arguments: object, compiled: bool) -> tuple[list[NetworkTime], dict[str, float]]:
        told.append(compiled)
        return [], {}

    def run(arguments: list[str], clip: Path, output: Path) -> CommandCost:
        told.append(arguments[arguments.index("--compile") + 1] == "on")
        return costs_1_gib(arguments, clip, output)

    monkeypatch.setattr(networks, "measure_network", measured)
    monkeypatch.setattr(machine, "measure_ceilings", lambda *arguments: CEILINGS)
    monkeypatch.setattr(commands, "run_command", run)
    arguments = ["bench", "--quick", "--frames", "2", "--model", "lbvmm", "--device", "cpu"]
    for option in ([], ["--compile"]):
        result = CliRunner().invoke(app, [*arguments, *option])
        assert result.exit_code == 0, result.stderr
    assert told == [False, False, True, True]


def test_an_unknown_size_is_refused() -> None:
    result = CliRunner().invoke(app, ["bench", "--size", "8k"])
    assert result.exit_code == 2
    assert "'8k' is no size" in result.output
