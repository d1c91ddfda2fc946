"""Writes test videos with their truth: an object swings vertically before a still photograph.

FD4MM's test set has ten such videos of 640x640 at 30 frames a second. Magnified, the object moves
by 2 · alpha · sin(2πt / 60) pixels, at alpha 5 to 100; Gaussian noise has 0.01 to 0.2 of the range.
LBVMM's Fig. 8 has ever smaller motion that is magnified to the same size, and noise. `protocol`
says where ours differ.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.lab.synthesis.degradation import round_randomly
from magnify.lab.synthesis.drawing import SceneSettings
from magnify.lab.synthesis.object_scenes import Mask, Mover, ObjectScene
from magnify.lab.synthesis.pairs import RandomStream, seeded
from magnify.lab.synthesis.photographs import Photographs
from magnify.video import Encoding, Frame, VideoInfo, VideoWriter

INPUT, TRUTH, MOVING, FACTS = "input.mkv", "truth_x{:g}.mkv", "moving.png", "truth.json"
"""Files of a video's folder: the input; its truth at alpha; where frame 0 shows what moves; and the
`VideoCase` with the input's displacement in each frame."""

FRAME_RATE = 30
PERIOD = 60
LARGEST_OBJECT = 0.6
"""Longest side of an object relative to the frame's, at most."""
FD4MM_AMPLITUDE = 2.0
"""Pixels in the input."""
FD4MM_NOISE = (0.01, 0.05, 0.1, 0.2)
"""Standard deviations relative to the range."""
USUAL_H264 = Encoding(codec="libx264", crf=23.0, preset="medium", threads=1)
"""What x264 does by default, but the same on any number of cores."""


@dataclass(frozen=True)
class SwingingScene:
    """A scene whose object moves by its motion times sin(2πt / 60), t in frames.

    Attributes:
        scene: its motion is the amplitude in the input.
        frames: length of the video.
        seed: of the noise and the rounding.
    """

    scene: ObjectScene
    frames: int = PERIOD
    seed: int = 0

    def swing(self) -> Tensor:
        """Gives each frame's displacement relative to the amplitude: (T,)."""
        return torch.sin(2 * math.pi / PERIOD * torch.arange(self.frames))

    def truth(self, alpha: float) -> Iterator[Tensor]:
        """Renders the video magnified `alpha` times: frames (3, H, W) in [0, 1], not rounded.

        Alpha 1 is the clean input.
        """
        for factor in self.swing() * alpha:
            yield self.scene.render(factor[None])[0]

    def input(self, noise: float = 0.0) -> Iterator[Tensor]:
        """Renders what the camera saw: 8-bit frames (3, H, W) in [0, 1].

        Args:
            noise: standard deviation of Gaussian noise in grey levels.
        """
        generator = seeded(self.seed, 0, RandomStream.CAMERA)
        for frame in self.truth(1.0):
            noisy = frame + noise / 255 * torch.randn(frame.shape, generator=generator)
            yield round_randomly(noisy, generator)

    def moving(self, alpha: float) -> Mask:
        """Finds where frame 0 shows the object, and at `alpha` no frame's edge hides it: (H, W)."""
        return self.scene.moving(alpha * self.swing())


def swinging_scene(
    photographs: Photographs,
    amplitude: float,
    size: int = 640,
    seed: int = 0,
    frames: int = PERIOD,
) -> SwingingScene:
    """Draws a photograph and, in its middle, an object that swings vertically.

    `amplitude` is in pixels.
    """
    settings = SceneSettings(
        size=size, object_size=(0.4, LARGEST_OBJECT), background_scale=(0.5, 1.5)
    )
    generator = seeded(seed, 0, RandomStream.SCENES)
    motion = (amplitude, 0.0)
    scene = ObjectScene.draw(photographs, settings, Mover.OBJECT, motion, generator)
    return SwingingScene(scene, frames, seed)


@dataclass(frozen=True)
class VideoCase:
    """One input video and the magnification it is to be judged at.

    Attributes:
        name: of its folder.
        amplitude: of the input motion in pixels.
        alpha: the total factor of the ground truth.
        noise: standard deviation of Gaussian noise on the input, in grey levels.
        compressed: the input is written as `USUAL_H264`, not lossless.
    """

    name: str
    amplitude: float
    alpha: float
    noise: float = 0.0
    compressed: bool = False


def protocol(
    alphas: Sequence[float] = (5, 10, 20, 50, 100), reach: float = 10.0, size: int = 640
) -> list[VideoCase]:
    """Lists the videos that are rendered of every scene.

    - `alpha_*`: clean, noisy and compressed; `reach` is the magnified motion in pixels.
    - `fd4mm_*`: FD4MM's, whose magnified motion grows with alpha. They are there where the object
      stays in the frame of `size` pixels: up to alpha 50 at 640, to 100 from 1000 on. Noise is at
      alpha 10; the paper does not say where its own is.
    - `subpixel_*`, `noise_*`: LBVMM's Fig. 8; its motion, magnified to `reach` here, is to 10
      pixels there. Its noise factors, 0.01 to 100, are taken as standard deviations of Gaussian
      noise in grey levels; the paper's noise is stronger where it is brighter.
    """
    videos = [VideoCase(f"alpha_{alpha:g}", reach / alpha, alpha) for alpha in alphas]
    videos += _noisy(videos, (1, 3))
    videos += [
        replace(video, name=f"{video.name}_compressed", compressed=True)
        for video in videos
        if not video.noise
    ]
    room = (1 - LARGEST_OBJECT) / 2 * size
    fd4mm = [
        VideoCase(f"fd4mm_{alpha:g}", FD4MM_AMPLITUDE, alpha)
        for alpha in alphas
        if FD4MM_AMPLITUDE * alpha <= room
    ]
    at_10 = [video for video in fd4mm if video.alpha == 10]
    videos += fd4mm + _noisy(at_10, [255 * noise for noise in FD4MM_NOISE])
    subpixel = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    videos += [VideoCase(f"subpixel_{motion}", motion, reach / motion) for motion in subpixel]
    videos += [
        VideoCase(f"noise_{noise:g}_motion_{motion}", motion, reach / motion, noise)
        for motion in (0.05, 5.0)
        for noise in (0.01, 0.1, 1.0, 10.0, 100.0)
    ]
    return videos


def _noisy(videos: Sequence[VideoCase], noises: Sequence[float]) -> list[VideoCase]:
    return [
        replace(video, name=f"{video.name}_noise_{noise:g}", noise=noise)
        for video in videos
        for noise in noises
    ]


def render_videos(
    out: Path,
    photographs: Photographs,
    videos: Sequence[VideoCase],
    scenes: int = 10,
    size: int = 640,
    frames: int = PERIOD,
    seed: int = 0,
    on_video: Callable[[str], None] = lambda name: None,
) -> None:
    """Writes OUT/<scene>/<video>/: input.mkv, truth_x<alpha>.mkv, moving.png, truth.json.

    Everything is lossless but the inputs of compressed videos.

    Raises:
        SettingsError: `out` exists and is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out} is not empty; choose another folder")
    lossless = Encoding(lossless=True)
    for number in range(scenes):
        for video in videos:
            scene = swinging_scene(photographs, video.amplitude, size, seed + number, frames)
            folder = out / f"{number:02d}" / video.name
            folder.mkdir(parents=True)
            encoding = USUAL_H264 if video.compressed else lossless
            _write_video(folder / INPUT, scene.input(video.noise), size, encoding)
            truth = folder / TRUTH.format(video.alpha)
            _write_video(truth, scene.truth(video.alpha), size, lossless)
            moving = 255 * scene.moving(video.alpha).astype(np.uint8)
            iio.imwrite(folder / MOVING, moving, plugin="pillow")
            facts = {**vars(video), "displacement": (scene.swing() * video.amplitude).tolist()}
            (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
            on_video(f"{number:02d}/{video.name}")


def _write_video(path: Path, frames: Iterator[Tensor], size: int, encoding: Encoding) -> None:
    rate = Fraction(FRAME_RATE)
    info = VideoInfo(width=size, height=size, time_base=1 / rate, average_rate=rate)
    with VideoWriter(path, info, encoding) as writer:
        for number, frame in enumerate(frames):
            picture = (frame * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            writer.write(Frame(picture, number, 1))
