"""What cameras and codecs do to the videos that networks are judged by."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magnify.lab.synthesis.videos import USUAL_H264
from magnify.video import Frame, VideoInfo, VideoReader, VideoWriter

RECOLOURING = 0.1
"""Standard deviation of each colour's log gain; training has the same, and gamma and offset."""


@dataclass(frozen=True)
class Degradation:
    """What camera and codec do to a test video: to the input, and its colours also to the truth.

    Attributes:
        noise: standard deviation of Gaussian noise in grey levels.
        compressed: the pictures pass H.264 in 4:2:0 at its usual quality.
        recoloured: after frame 0 the camera changes its exposure and white balance. These are no
            motion: the truth has them as the input has.
    """

    noise: float = 0.0
    compressed: bool = False
    recoloured: bool = False

    @property
    def label(self) -> str:
        parts = [f"noise {self.noise:g}"] * (self.noise > 0) + ["H.264"] * self.compressed
        parts += ["colours"] * self.recoloured
        return ", ".join(parts) or "clean"

    def apply(self, levels: NDArray[np.float32], seed: int) -> NDArray[np.uint8]:
        """Makes the input, pictures (T, H, W, 3), of levels (T, H, W, 3) of 255."""
        levels = self.recolour(levels, seed)
        if self.noise:
            noise = np.random.default_rng(seed).standard_normal(levels.shape, np.float32)
            levels = levels + self.noise * noise
        pictures = levels.round().clip(0, 255).astype(np.uint8)
        return _through_h264(pictures) if self.compressed else pictures

    def recolour(self, levels: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """Changes the colours of levels (T, H, W, 3) as the camera does; frame 0 stays as it is."""
        if not self.recoloured:
            return levels
        shape = (len(levels) - 1, 1, 1, 3)
        change = RECOLOURING * np.random.default_rng(seed).standard_normal(shape, np.float32)
        recoloured = levels.copy()
        recoloured[1:] = (levels[1:] * np.exp(change)).clip(0, 255)
        return recoloured


def _through_h264(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    frames, height, width = pictures.shape[:3]
    info = VideoInfo(
        width=width,
        height=height,
        time_base=Fraction(1, 30),
        average_rate=Fraction(30),
        frames=frames,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "compressed.mkv"
        with VideoWriter(file, info, USUAL_H264) as writer:
            for number, picture in enumerate(pictures):
                writer.write(Frame(picture, number, 1))
        with VideoReader(file) as reader:
            return np.stack([frame.picture.astype(np.uint8) for frame in reader])
