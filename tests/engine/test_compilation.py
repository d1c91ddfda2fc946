"""Compiled networks: the same pictures, whatever the chunks, and each size compiled once."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import magnify
from magnify.cli import app
from magnify.engine import network as networks
from magnify.engine.network import Network
from magnify.models.base import CompileGain
from magnify.models.lbvmm import LBVMM
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static
from support.clips import drifting_pattern, read_clip

Compiled = list[tuple[int, ...]]
"""The shape of the first frames that each graph was compiled for."""

Gains = dict[tuple[str, str], CompileGain]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Compiled:
    """What is compiled, by a compiler that leaves graphs as they are."""
    shapes: Compiled = []

    def leave(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        tensors = [value for value in inputs if isinstance(value, torch.Tensor)]
        shapes.append(
            next(tuple(t.shape) for t in tensors if not isinstance(t, torch.nn.Parameter))
        )
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=leave))
    return shapes


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("lbvmm", Static()),
        pytest.param("fd4mm", Static(), marks=pytest.mark.slow),
        ("lbvmm", Dynamic()),
        ("lbvmm", Bandpass(low=5, high=12, filter="fir")),
    ],
)
def test_short_chunks_take_what_was_compiled_for_whole_ones(
    name: str, mode: Mode, compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = drifting_pattern(14, 24, 32, step=0.3)
    plain = magnify.load_engine(name, "cpu", "fp32")
    expected = magnify.magnify_frames(pictures, mode=mode, weights=plain)
    monkeypatch.setattr(Network, "chunk_size", lambda self, height, width: 4)
    engine = magnify.load_engine(name, "cpu", "fp32", compile="on")
    output = magnify.magnify_frames(pictures, mode=mode, weights=engine)
    assert np.abs(output.astype(int) - expected).max() <= 1
    assert np.abs(output.astype(int) - pictures).mean() > 1
    assert {shape[0] for shape in compiled} <= {1, 4}
    encoded = Counter(shape for shape in compiled if shape[1] == 3)
    decoded = Counter(shape for shape in compiled if shape[1] != 3)
    assert max(encoded.values()) <= 2  # with the texture and without
    assert max(decoded.values()) == 1


def test_each_size_of_frames_is_compiled(compiled: Compiled) -> None:
    """PyTorch would give up after eight, or compile for any size, which is slower."""
    network = magnify.load_engine("lbvmm", "cpu", "fp32", compile="on").network
    widths = list(range(16, 56, 4))
    with torch.inference_mode():
        for width in widths * 2:
            network.encode_shape(torch.from_numpy(drifting_pattern(1, 16, width)))
    assert [shape[3] for shape in compiled] == widths


def test_memory_that_ends_ends_in_smaller_chunks(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = torch.from_numpy(drifting_pattern(8, 16, 16))
    network = magnify.load_engine("lbvmm", "cpu", "fp32", compile="on").network
    whole = network._encode_both._function

    def short_of_memory(frames: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(frames) > 2:
            raise torch.OutOfMemoryError
        return whole(frames)

    monkeypatch.setattr(network._encode_both, "_function", short_of_memory)
    with torch.inference_mode():
        _, shape = network.encode(pictures)
        assert len(shape) == 8
    assert [size[0] for size in compiled] == [2]


def test_what_cannot_be_compiled_is_said(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        raise OSError("no compiler found")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    done = CliRunner().invoke(app, ["run", str(clip), "--device", "cpu", "--compile", "on"])
    assert done.exit_code == 2
    assert done.stderr.startswith("magnify: error: cannot compile the network; use --compile off (")
    assert done.stderr.endswith("no compiler found)\n")
    assert list(clip.parent.iterdir()) == [clip]


LONG = 10
"""Frames of a clip that is worth asking for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Gains:
    """What LBVMM is taken to gain by being compiled, for clips of ten frames and more."""
    gains: Gains = {}
    monkeypatch.setattr(networks, "FEWEST", LONG)
    monkeypatch.setattr(LBVMM, "compile_gains", gains)
    return gains


ON_A_CPU = ("cpu", "fp32")


@pytest.mark.parametrize(
    ("gains", "frames", "expected"),
    [
        ({ON_A_CPU: CompileGain(seconds=29, share=0.1)}, 100, True),
        ({ON_A_CPU: CompileGain(seconds=31, share=0.1)}, 100, False),
        ({ON_A_CPU: CompileGain(seconds=31, share=0.1)}, 110, True),
        ({ON_A_CPU: CompileGain(seconds=0, share=0.1)}, LONG - 1, False),
        ({ON_A_CPU: CompileGain(seconds=0, share=0.1)}, None, False),
        ({("cuda", "fp32"): CompileGain(seconds=0, share=0.1)}, 100, False),
        ({("cpu", "bf16"): CompileGain(seconds=0, share=0.1)}, 100, False),
        ({}, 10**6, False),
    ],
)
def test_a_network_is_compiled_for_clips_that_repay_it(
    gains: Gains, frames: int | None, expected: bool, asked: Gains, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With frames that take 3 s."""
    asked.update(gains)
    monkeypatch.setattr(Network, "_frame_seconds", lambda self, height, width: 3.0)
    network = magnify.load_engine("lbvmm", "cpu", "fp32").network
    assert network.repays_compiling(24, 32, frames) is expected


def test_each_clip_is_estimated_by_itself(compiled: Compiled, asked: Gains) -> None:
    asked[ON_A_CPU] = CompileGain(seconds=0, share=0.1)
    engine = magnify.load_engine("lbvmm", "cpu", "fp32")
    whole = drifting_pattern(LONG, 24, 32)
    outputs = []
    for pictures, expected in (
        (whole[:-1], False),
        (whole, True),
        (whole[:-1], True),  # what is compiled costs nothing more
        (drifting_pattern(LONG - 1, 24, 40), False),
    ):
        outputs.append(magnify.magnify_frames(pictures, weights=engine).astype(int))
        assert engine.network.compiled is expected
    assert {shape[-2:] for shape in compiled if shape[1] == 3} == {(24, 32)}
    assert np.abs(outputs[0] - outputs[2]).max() <= 1
    assert np.abs(outputs[0] - whole[:-1]).mean() > 1


@pytest.mark.slow
@pytest.mark.parametrize("choice", [[], ["--compile", "auto"], ["--compile", "off"]])
def test_what_repays_it_is_compiled_unless_that_is_off(
    choice: list[str], clip: Path, compiled: Compiled, asked: Gains
) -> None:
    asked[ON_A_CPU] = CompileGain(seconds=0, share=0.1)
    command = ["run", str(clip), "--model", "lbvmm", "--device", "cpu", "--json", *choice]
    plan = CliRunner().invoke(app, [*command, "--dry-run"])
    assert not compiled
    done = CliRunner().invoke(app, command)
    expected = choice[-1:] != ["off"]
    assert json.loads(plan.stdout)["compiled"] is json.loads(done.stdout)["compiled"] is expected
    assert bool(compiled) is expected


def test_where_nothing_can_compile_the_clip_is_magnified_nevertheless(
    clip: Path, asked: Gains, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        raise OSError("no compiler found")

    asked[ON_A_CPU] = CompileGain(seconds=0, share=0.1)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    command = ["run", str(clip), "--model", "lbvmm", "--device", "cpu", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["compiled"] is False
    assert report["frames"] == len(read_clip(clip))
    assert report["notices"][0].startswith("cannot compile the network; use --compile off (")
    assert report["notices"][0].endswith("no compiler found); this clip goes on without")


@pytest.mark.slow
def test_the_real_compiler_gives_the_same_pictures(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    outputs = []
    for choice in ("on", "off"):
        output = clip.with_name(f"out_{choice}.mkv")
        command = [
            sys.executable,
            "-m",
            "magnify",
            "run",
            str(clip),
            "--lossless",
            "--compile",
            choice,
        ]
        command += ["--device", "cpu", "--precision", "fp32", "--json", "-o", str(output)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "Warning" not in done.stderr
        assert json.loads(done.stdout)["compiled"] == (choice == "on")
        outputs.append(read_clip(output).astype(int))
    assert np.abs(outputs[0] - outputs[1]).max() <= 1
    assert outputs[0].std() > 10
