"""What is told where memory ends, on any device, and what may have been meant."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from magnify.errors import MagnifyError, VideoError, did_you_mean, out_of_memory
from support.clips import drifting_pattern, write_clip


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("could not create a primitive"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("can't start new thread"),
        OSError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
    ids=repr,
)
def test_every_allocator_is_understood(error: Exception) -> None:
    told = out_of_memory(error)
    assert type(told) is MagnifyError
    assert str(told).startswith("memory ran out")
    assert "use a smaller picture" in str(told)
    assert str(error) in str(told)


def test_what_pytorch_and_numpy_raise_is_one_line() -> None:
    def ask_numpy() -> object:
        return np.empty(2**62, np.uint8)

    def ask_torch() -> object:
        return torch.empty(2**60)

    for ask in (ask_numpy, ask_torch):
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            ask()
        told = str(out_of_memory(caught.value))
        assert told.startswith("memory ran out (") or told.startswith("memory ran out;")
        assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    "error",
    [RuntimeError("shapes do not match"), ValueError("out of memory"), VideoError("out of memory")],
    ids=repr,
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert out_of_memory(error) is None


LIMITED = """
import resource, sys
import magnify.pipeline.run, magnify.temporal.whole_clip
from magnify.__main__ import main
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20 * int(sys.argv.pop(1)),) * 2)
main()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("megabytes", [4, 60, 150])
def test_a_command_whose_memory_ends_says_so(tmp_path: Path, megabytes: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", drifting_pattern(2, 480, 640))
    arguments = ["run", clip, "--device", "cpu", "--precision", "fp32", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(megabytes), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("magnify: error: ")
    assert "memory" in line
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("brething", " Did you mean 'breathing'?"),
        ("PULSE", " Did you mean 'pulse'?"),
        ("xyz", ""),
    ],
)
def test_what_may_have_been_meant(word: str, said: str) -> None:
    assert did_you_mean(word, ["breathing", "pulse", "tremor"]) == said
