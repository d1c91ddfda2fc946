"""Clips and weights that several test files use."""

import os
from pathlib import Path

import pytest
import torch

import magnify
from magnify.pipeline.prepare import Engine
from support.clips import drifting_pattern, write_clip

torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# The tests' pictures are tiny: a second thread, here or in a subprocess, only waits for the first.


@pytest.fixture(autouse=True)
def _gpu_where_it_is_needed(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames of 48 x 40."""
    return write_clip(tmp_path / "clip.mp4", drifting_pattern(12, 40, 48))


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The default network on the CPU in float32."""
    return magnify.load_engine(device="cpu", precision="fp32")
