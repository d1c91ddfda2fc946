"""Synthetic test videos: one object before a photograph, one of the two moving, with the truth.

After FD4MM's test set (one object before one background) and LBVMM's figure 8 (the magnified
motion is fixed, the input's is that over alpha), in few frames: networks look at two at a time.
"""

import math
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Generator, Tensor

from magnify.lab.synthesis import Part, Photographs, Scenes, SceneSettings, draw_scenes
from magnify.lab.synthesis.videos import USUAL_H264
from magnify.video import Frame, VideoInfo, VideoReader, VideoWriter

MARGIN = 3
"""Pixels between an edge and what counts as moving or still beside it."""
RECOLOURING = 0.1
"""Standard deviation of each colour's log gain; training has the same, and gamma and offset."""


class Kind(StrEnum):
    """What moves."""

    OBJECT = "object"
    BACKGROUND = "background"
    STILL = "nothing"


OBJECT_SIZE = {Kind.OBJECT: 0.5, Kind.BACKGROUND: 0.25, Kind.STILL: 0.5}
"""Longest side of the object relative to the frame's: most of what moves must stay in view."""


@dataclass(frozen=True)
class Degradation:
    """What camera and codec do to the input, not to the truth; but for its colours.

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
        """Levels (T, H, W, 3) of 255 → pictures, the same shape."""
        levels = self.recolour(levels, seed)
        if self.noise:
            noise = np.random.default_rng(seed).standard_normal(levels.shape, np.float32)
            levels = levels + self.noise * noise
        pictures = levels.round().clip(0, 255).astype(np.uint8)
        return _through_h264(pictures) if self.compressed else pictures

    def recolour(self, levels: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """What the camera's changes make of levels (T, H, W, 3), frame 0 staying as it is."""
        if not self.recoloured:
            return levels
        shape = (len(levels) - 1, 1, 1, 3)
        change = RECOLOURING * np.random.default_rng(seed).standard_normal(shape, np.float32)
        recoloured = levels.copy()
        recoloured[1:] = (levels[1:] * np.exp(change)).clip(0, 255)
        return recoloured


@dataclass(frozen=True)
class SceneKey:
    """Which scene: the same key gives the same pictures and directions, whatever their motion."""

    kind: Kind
    size: int
    number: int


@dataclass(frozen=True)
class Truth:
    """What the magnified video should be. Frame 0 is the reference and the same in the input.

    Attributes:
        levels: (T, H, W, 3), in levels of 255, not rounded.
        displacement: of what moves, since frame 0: (T, 2), pixels right and down.
        moving: (H, W), where frame 0 shows what moves and no frame hides it, wherever it went.
        still: (H, W), where no frame shows anything that moves.
    """

    levels: NDArray[np.float32]
    displacement: NDArray[np.float64]
    moving: NDArray[np.bool_]
    still: NDArray[np.bool_]


class TestScene:
    """A scene whose magnified motion is known; what alpha changes is the motion of its input.

    The truth's displacements are evenly spread from -peak to peak, beginning with 0; the input's
    are 1/alpha of them.
    """

    __test__ = False  # no test, whatever pytest makes of its name

    def __init__(self, photographs: Photographs, key: SceneKey, peak: float, frames: int) -> None:
        """Draws the scene and renders its truth.

        Args:
            photographs: backgrounds and cut-outs to draw from, on the CPU.
            peak: longest magnified displacement in pixels.
            frames: how many; odd, as 0 is among the displacements.
        """
        self.key = key
        self._scenes = _draw(photographs, key)
        self._magnified = torch.linspace(-peak, peak, frames).roll(frames // 2 + 1)[None]
        moving, still = _masks(self._scenes, key.kind, peak)
        direction = np.array(_direction(key.number).tolist())[::-1]
        self.truth = Truth(
            levels=self._render(self._magnified),
            displacement=self._magnified[0].double().numpy()[:, None] * direction,
            moving=moving,
            still=still,
        )

    def pictures(self, alpha: float, degradation: Degradation) -> NDArray[np.uint8]:
        """The input (T, H, W, 3) that becomes the truth when its motion is magnified by `alpha`."""
        return degradation.apply(self._render(self._magnified / alpha), self.key.number)

    def truth_for(self, degradation: Degradation) -> Truth:
        """The truth in the degraded input's colours; while these change, nothing stands still."""
        if not degradation.recoloured:
            return self.truth
        return replace(
            self.truth,
            levels=degradation.recolour(self.truth.levels, self.key.number),
            still=np.zeros_like(self.truth.still),
        )

    def _render(self, displacements: Tensor) -> NDArray[np.float32]:
        frames = self._scenes.render(displacements)[0]
        levels: NDArray[np.float32] = (frames.permute(0, 2, 3, 1) * 255).contiguous().numpy()
        return levels


def _draw(photographs: Photographs, key: SceneKey) -> Scenes:
    """One scene, the object in its middle, displaced by one pixel for a factor of 1."""
    size = OBJECT_SIZE[key.kind]
    settings = SceneSettings(
        size=key.size,
        objects=(1, 1),
        strings=0.0,
        object_size=(size, size),
        magnified_motion=30,
    )
    generator = Generator().manual_seed(key.number)
    scenes = draw_scenes(photographs, settings, torch.tensor([Part.OBJECTS_MOVE]), generator)
    background, cutout = scenes.layers
    rest, moved = torch.zeros(1, 2), _direction(key.number)[None]
    centred = cutout.extent / 2 - key.size / 2 * cutout.scale[:, None]
    background = replace(background, motion=moved if key.kind is Kind.BACKGROUND else rest)
    cutout = replace(cutout, origin=centred, motion=moved if key.kind is Kind.OBJECT else rest)
    return replace(scenes, layers=(background, cutout))


def _direction(number: int) -> Tensor:
    """(y, x) of length 1: down in the first scene, then turned by the golden angle each time."""
    angle = math.pi * (0.5 + number * (3 - math.sqrt(5)))
    return torch.tensor([math.sin(angle), math.cos(angle)])


def _masks(scenes: Scenes, kind: Kind, peak: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where what moves is in sight at rest and wherever it goes, and where it never comes."""
    if kind is Kind.STILL:
        everywhere = np.ones((scenes.height, scenes.width), bool)
        return ~everywhere, everywhere
    way = torch.linspace(-peak, peak, 2 * math.ceil(peak / 2) + 1)[None]
    background, cutout = (scenes.coverage(way)[0] > 0.99).numpy().swapaxes(0, 1)
    rest = len(cutout) // 2
    if kind is Kind.OBJECT:
        return eroded(cutout[rest], MARGIN), eroded(background.all(axis=0), MARGIN)
    return eroded(background[rest], MARGIN + peak), eroded(cutout[rest], MARGIN)


def eroded(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """What of a mask is farther than `radius` from everything outside, the frame's edge too."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))
    inner: NDArray[np.bool_] = distance[1:-1, 1:-1] > radius
    return inner


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
