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
from conftest import drifting_pattern, read_clip
from magnify.cli import app
from magnify.modes import Bandpass, Dynamic, Mode, Static
from magnify.runtime import Network

Compiled = list[tuple[int, ...]]
"""The shape of the first frames that each graph was compiled for."""


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
        ("fd4mm", Static()),
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
    engine = magnify.load_engine(name, "cpu", "fp32", compiled=True)
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
    network = magnify.load_engine("lbvmm", "cpu", "fp32", compiled=True).network
    widths = list(range(16, 56, 4))
    with torch.inference_mode():
        for width in widths * 2:
            network.encode_shape(torch.from_numpy(drifting_pattern(1, 16, width)))
    assert [shape[3] for shape in compiled] == widths


def test_memory_that_ends_ends_in_smaller_chunks(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = torch.from_numpy(drifting_pattern(8, 16, 16))
    network = magnify.load_engine("lbvmm", "cpu", "fp32", compiled=True).network
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
    done = CliRunner().invoke(app, ["run", str(clip), "--device", "cpu", "--compile"])
    assert done.exit_code == 2
    assert done.stderr.startswith("magnify: error: cannot compile the network; leave out compile (")
    assert done.stderr.endswith("no compiler found)\n")
    assert list(clip.parent.iterdir()) == [clip]


@pytest.mark.slow
def test_the_real_compiler_gives_the_same_pictures(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    outputs = []
    for options in (["--compile"], []):
        output = clip.with_name(f"out{len(options)}.mkv")
        command = [sys.executable, "-m", "magnify", "run", str(clip), "--lossless", *options]
        command += ["--device", "cpu", "--precision", "fp32", "--json", "-o", str(output)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "Warning" not in done.stderr
        assert json.loads(done.stdout)["compiled"] == bool(options)
        outputs.append(read_clip(output).astype(int))
    assert np.abs(outputs[0] - outputs[1]).max() <= 1
    assert outputs[0].std() > 10
