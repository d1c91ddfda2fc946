"""Clips drawn with NumPy, written and read back without the package under test."""

import re
import subprocess
from pathlib import Path

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray


def drifting_pattern(frames: int, height: int, width: int, step: float = 0.1) -> NDArray[np.uint8]:
    """A coloured pattern with edges that drifts right by `step` pixels a frame: (T, H, W, 3)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    pictures = []
    for number in range(frames):
        x = columns - step * number
        edges = np.tanh(3 * (np.sin(x / 4 + rows / 9) + np.sin(x / 7 - rows / 5)))
        pictures.append(127.5 + edges[..., None] * np.array([90, 80, 60]))
    return np.rint(pictures).astype(np.uint8)


def write_clip(path: Path, pictures: NDArray[np.uint8], fps: float = 25) -> Path:
    with imageio.get_writer(
        path, fps=fps, codec="libx264", macro_block_size=1, output_params=["-crf", "8"]
    ) as writer:
        for picture in pictures:
            writer.append_data(picture)
    return path


def read_clip(path: Path) -> NDArray[np.uint8]:
    """All frames, (T, H, W, 3), through a decoder that the package does not use."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    size = ffmpeg_size(path)
    done = subprocess.run(
        [*command, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, size[1], size[0], 3)


def ffmpeg_size(path: Path) -> tuple[int, int]:
    """Width and height of a video's first stream, as the ffmpeg program sees them."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    match = re.search(r"Video: .*?, (\d+)x(\d+)", said)
    assert match is not None, said
    return int(match[1]), int(match[2])
