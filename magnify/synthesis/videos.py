"""Test videos with ground truth at every magnification.

After FD4MM's protocol: one object swings vertically before a still photograph, at 30 frames a
second. With LBVMM's Fig. 8 series: ever smaller motion magnified to the same size, and noise.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from torch import Tensor

from magnify.errors import SettingsError
from magnify.synthesis.degradation import DegradationSettings, degrade, round_randomly
from magnify.synthesis.drawing import SceneSettings, draw_scenes
from magnify.synthesis.pairs import Stream, seeded
from magnify.synthesis.photographs import Photographs
from magnify.synthesis.scenes import Part, Scenes

FRAME_RATE = 30
PERIOD = 60


@dataclass(frozen=True)
class SwingingScene:
    """A scene whose layers move by motion · sin(2πt / 60), t in frames.

    Attributes:
        scenes: one scene; its motion is the amplitude of the input.
        frames: length of the video.
        seed: of the noise and the rounding.
    """

    scenes: Scenes
    frames: int = PERIOD
    seed: int = 0

    def swing(self) -> Tensor:
        """(T,): each frame's displacement relative to the amplitude."""
        return torch.sin(2 * math.pi / PERIOD * torch.arange(self.frames))

    def truth(self, alpha: float) -> Iterator[Tensor]:
        """The video magnified `alpha` times, frames (3, H, W) in [0, 1], not rounded.

        Alpha 1 is the clean input.
        """
        for factor in self.swing() * alpha:
            yield self.scenes.render(factor.reshape(1, 1))[0, 0]

    def input(
        self, noise: float = 0.0, degradation: DegradationSettings | None = None
    ) -> Iterator[Tensor]:
        """What the camera saw: 8-bit frames (3, H, W) in [0, 1].

        Args:
            noise: standard deviation of Gaussian noise in grey levels.
            degradation: what else camera and codec do to each frame by itself; nothing if None.
        """
        generator = seeded(self.seed, 0, Stream.CAMERA)
        for frame in self.truth(1.0):
            noisy = frame + noise / 255 * torch.randn(frame.shape, generator=generator)
            if degradation is None:
                yield round_randomly(noisy, generator)
            else:
                yield degrade([noisy[None]], degradation, generator)[0][0]

    def moving(self, alpha: float) -> Tensor:
        """(H, W), bool: where anything but the background shows in any frame at `alpha`."""
        seen = torch.zeros(self.scenes.height, self.scenes.width, dtype=torch.bool)
        for factor in self.swing() * alpha:
            coverage = self.scenes.coverage(factor.reshape(1, 1))
            seen |= (coverage[0, 0, 0] - 1).abs() > 1e-5
        return seen


def swinging_scene(
    photographs: Photographs,
    amplitude: float,
    size: int = 640,
    seed: int = 0,
    frames: int = PERIOD,
    part: Part = Part.OBJECTS_MOVE,
) -> SwingingScene:
    """A random scene whose moving layers swing vertically by `amplitude` pixels.

    `part` says what moves: one object in the middle (the default), or the background alone.
    """
    settings = SceneSettings(
        size=size,
        objects=(1, 1),
        strings=0.0,
        magnified_motion=30.0,
        object_size=(0.4, 0.6),
        background_scale=(0.5, 1.5),
    )
    generator = seeded(seed, 0, Stream.SCENES)
    scenes = draw_scenes(photographs, settings, torch.tensor([part]), generator)
    background, cutout = scenes.layers
    swing = torch.tensor([[amplitude, 0.0]])
    middle = cutout.extent / 2 - size / 2 * cutout.scale[:, None]
    background = replace(background, motion=swing * float(part == Part.BACKGROUND_ONLY))
    cutout = replace(cutout, motion=swing * float(part == Part.OBJECTS_MOVE), origin=middle)
    return SwingingScene(replace(scenes, layers=(background, cutout)), frames, seed)


@dataclass(frozen=True)
class VideoCase:
    """One input video and the magnifications it is to be judged at.

    Attributes:
        name: of its folder.
        amplitude: of the input motion in pixels.
        alphas: total factors with ground truth.
        noise: standard deviation of Gaussian noise on the input, in grey levels.
        compressed: the input passes a codec.
    """

    name: str
    amplitude: float
    alphas: tuple[float, ...]
    noise: float = 0.0
    compressed: bool = False


def protocol(alphas: Sequence[float] = (5, 10, 20, 50), reach: float = 10.0) -> list[VideoCase]:
    """What is rendered for every scene: clean, noisy, compressed; and Fig. 8's two series.

    `reach` is the magnified motion in pixels.
    """
    videos = [VideoCase(f"alpha_{alpha:g}", reach / alpha, (alpha,)) for alpha in alphas]
    videos += [
        replace(video, name=f"{video.name}_noise_{noise}", noise=noise)
        for video in videos
        for noise in (1, 3)
    ] + [replace(video, name=f"{video.name}_compressed", compressed=True) for video in videos]
    subpixel = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    videos += [VideoCase(f"subpixel_{motion}", motion, (10 / motion,)) for motion in subpixel]
    videos += [
        VideoCase(f"noise_{noise:g}_motion_{motion}", motion, (10 / motion,), noise)
        for motion in (0.05, 5.0)
        for noise in (0.1, 1.0, 10.0)
    ]
    return videos


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
    """Writes OUT/<scene>/<video>/input.mkv and truth.mkv for each alpha, lossless, and truth.json.

    Raises:
        SettingsError: `out` exists and is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise SettingsError(f"{out} is not empty; choose another folder")
    codec = DegradationSettings(clean=0.0, compressed=1.0)
    for number in range(scenes):
        for video in videos:
            scene = swinging_scene(photographs, video.amplitude, size, seed + number, frames)
            folder = out / f"{number:02d}" / video.name
            folder.mkdir(parents=True)
            degradation = codec if video.compressed else None
            _write_video(folder / "input.mkv", scene.input(video.noise, degradation))
            for alpha in video.alphas:
                _write_video(folder / f"truth_x{alpha:g}.mkv", scene.truth(alpha))
            truth = {**vars(video), "displacement": (scene.swing() * video.amplitude).tolist()}
            (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
            on_video(f"{number:02d}/{video.name}")


def _write_video(path: Path, frames: Iterator[Tensor]) -> None:
    pictures = ((frame * 255).round().byte().permute(1, 2, 0).numpy() for frame in frames)
    first = next(pictures)
    writer = imageio_ffmpeg.write_frames(
        str(path),
        first.shape[1::-1],
        fps=FRAME_RATE,
        codec="ffv1",
        pix_fmt_out="bgr0",
        macro_block_size=1,
    )
    writer.send(None)
    for picture in itertools.chain([first], pictures):
        writer.send(np.ascontiguousarray(picture))
    writer.close()
