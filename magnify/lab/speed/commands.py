"""Measures what a whole command costs: frames a second and peak memory, in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import torch

from magnify.checkpoints import BUILT_IN, write_checkpoint
from magnify.errors import MagnifyError
from magnify.interruption import at_once
from magnify.lab.speed.networks import NETWORKS
from magnify.video import Frame, VideoReader, VideoWriter

KEPT_FRAMES = 30
"""Pictures that encoding is measured on, over and over."""


@dataclass(frozen=True)
class CommandCost:
    """What one run of a command cost.

    Attributes:
        frames: how many it magnified.
        seconds: from opening the clip to the finished file; loading the network is left out.
        peak_bytes: the most memory that the process held.
    """

    frames: int
    seconds: float
    peak_bytes: int

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds


def write_clip(path: Path, frames: int, height: int, width: int) -> Path:
    """Writes a textured pattern that sways by 0.3 pixels at 2 Hz, at 30 frames a second."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    with imageio.get_writer(
        path, fps=30, codec="libx264", macro_block_size=1, output_params=["-crf", "12"]
    ) as writer:
        for number in range(frames):
            x = columns - 0.3 * np.sin(2 * np.pi * 2 * number / 30)
            waves = (np.sin(x / 3 + rows / 7), np.sin(x / 5 - rows / 4), np.cos(x / 4))
            pattern = 127.5 + 90 * np.stack(waves, axis=-1)
            writer.append_data(np.rint(pattern).astype(np.uint8))  # type: ignore[attr-defined]
    return path


def write_weights(folder: Path, name: str) -> Path:
    """Writes random weights of a network."""
    torch.manual_seed(0)
    path = folder / f"{name}.safetensors"
    layout = BUILT_IN[name].layout_name
    write_checkpoint(path, layout, NETWORKS[name]().state_dict(), overwrite=True)
    return path


def coding_speed(clip: Path, output: Path) -> tuple[float, float]:
    """Measures decoding a clip by itself, and encoding as `magnify` does, in frames a second.

    Colours are converted, too: pictures come into memory, and go out of it.
    """
    began = time.perf_counter()
    with VideoReader(clip) as reader:
        count = sum(1 for _ in reader)
    decoded = time.perf_counter()
    with VideoReader(clip) as reader:
        pictures = [frame.picture for frame in islice(reader, KEPT_FRAMES)]
    held = time.perf_counter()
    with VideoWriter(output, reader.info, overwrite=True) as writer:
        for number in range(count):
            writer.write(Frame(pictures[number % len(pictures)], number, 1))
    return count / (decoded - began), count / (time.perf_counter() - held)


def run_command(arguments: Sequence[str], clip: Path, output: Path) -> CommandCost:
    """Runs `magnify` with these arguments on a clip, in a fresh process.

    Raises:
        MagnifyError: the command failed.
    """
    command = [sys.executable, "-m", "magnify", *arguments, str(clip), "-o", str(output), "-y"]
    measured = [sys.executable, "-m", "magnify.lab.speed.peak", *command, "--json", "--quiet"]
    with at_once():
        done = subprocess.run(measured, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise MagnifyError(f"the measured command failed: {' '.join(command)}")
    printed, peak = done.stdout.splitlines()
    report = json.loads(printed)
    return CommandCost(report["frames"], report["seconds"], int(peak))
