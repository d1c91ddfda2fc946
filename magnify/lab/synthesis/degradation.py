"""Does to scenes what cameras and codecs do: flicker, noise, compression, 8-bit rounding.

Reference and query suffer independently, the target does not. Without it, a network takes what a
codec does to chroma between two frames for motion, and magnifies it.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from magnify.lab.synthesis.compression import compress, from_ycbcr


@dataclass(frozen=True)
class DegradationSettings:
    """How strong degradations may be; each scene draws its own below, weak ones more often.

    Levels are grey levels of 255. A share of the scenes, `clean`, is only rounded to 8 bits; in
    the others each kind is present half of the time or, for compression, `compressed` of it.

    Attributes:
        clean: share of scenes without any degradation but the rounding.
        compressed: share of the others that pass a codec.
        shot_noise: standard deviation in levels at mid-grey, growing with the root of the signal.
        sensor_noise: standard deviation in levels of Gaussian noise.
        flicker: global brightness change, relative, standard deviation.
        luma_drift, chroma_drift: smooth local changes in levels, standard deviation.
        step: quantisation step of the codec's luma coefficients in levels, (finest, coarsest).
    """

    clean: float = 0.45
    compressed: float = 0.75
    shot_noise: float = 3.0
    sensor_noise: float = 2.0
    flicker: float = 0.012
    luma_drift: float = 2.0
    chroma_drift: float = 4.0
    step: tuple[float, float] = (1.5, 20.0)

    def rarer(self, share: float) -> "DegradationSettings":
        """Gives settings that degrade only this share, 0 to 1, of the scenes that these would."""
        return replace(self, clean=1 - share * (1 - self.clean))


def degrade(
    frames: list[Tensor], settings: DegradationSettings, generator: Generator, choices: Generator
) -> list[Tensor]:
    """Degrades frames of the same camera and codec, each by itself.

    Args:
        frames: of the same scenes, each (B, 3, H, W) in [0, 1]. Later frames may be predicted
            from the first, as codecs do.
        generator: on the frames' device.
        choices: on the CPU, for what decides shapes, so that it need not wait for a GPU; may be
            `generator`.

    Returns:
        As many frames, 8-bit values in [0, 1].
    """
    camera = _Camera.draw(len(frames[0]), settings, generator)
    exposed = [camera.expose(frame, generator, choices) for frame in frames]
    coded = compress(exposed, camera.step, generator, choices)
    present = camera.compressed[:, None, None, None]
    return [
        round_randomly(torch.where(present, after, before), generator)
        for before, after in zip(exposed, coded, strict=True)
    ]


@dataclass(frozen=True)
class _Camera:
    """Strengths drawn for B scenes: (B, 1, 1, 1) each, but compressed and step (B,)."""

    shot_noise: Tensor
    sensor_noise: Tensor
    flicker: Tensor
    luma_drift: Tensor
    chroma_drift: Tensor
    compressed: Tensor
    step: Tensor

    @classmethod
    def draw(cls, count: int, settings: DegradationSettings, generator: Generator) -> "_Camera":
        def uniform() -> Tensor:
            return torch.rand(count, generator=generator, device=generator.device)

        dirty = uniform() >= settings.clean

        def strength(most: float) -> Tensor:
            present = dirty & (uniform() < 0.5)
            return (most * uniform().square() * present)[:, None, None, None]

        finest, coarsest = settings.step
        return cls(
            shot_noise=strength(settings.shot_noise / 255),
            sensor_noise=strength(settings.sensor_noise / 255),
            flicker=strength(settings.flicker),
            luma_drift=strength(settings.luma_drift),
            chroma_drift=strength(settings.chroma_drift),
            compressed=dirty & (uniform() < settings.compressed),
            step=finest * (coarsest / finest) ** uniform(),
        )

    def expose(self, frame: Tensor, generator: Generator, choices: Generator) -> Tensor:
        """Adds this camera's flicker and noise to a frame (B, 3, H, W)."""
        frame = frame * (1 + self.flicker * _normal(frame[:, :1, :1, :1], generator))
        frame = frame + from_ycbcr(
            torch.cat(
                (
                    self.luma_drift * smooth_noise(frame[:, :1], generator, choices),
                    self.chroma_drift * smooth_noise(frame[:, :2], generator, choices),
                ),
                dim=1,
            )
        )
        # Poisson-like: the variance is proportional to the signal and as said at mid-grey.
        deviation = self.shot_noise * (2 * frame.clamp(0, 1)).sqrt()
        deviation = (deviation.square() + self.sensor_noise.square()).sqrt()
        return frame + deviation * _normal(frame, generator)


def smooth_noise(like: Tensor, generator: Generator, choices: Generator) -> Tensor:
    """Draws noise of a random coarseness (4 to 32 pixels), of mean 0 and variance 1.

    Shape and device are those of `like`; `choices` lives on the CPU.
    """
    height, width = like.shape[2:]
    cell = 4 << int(torch.randint(4, (), generator=choices))
    coarse = like.new_empty(*like.shape[:2], height // cell + 2, width // cell + 2)
    coarse = _normal(coarse, generator)
    fine = F.interpolate(coarse, scale_factor=cell, mode="bilinear", align_corners=False)
    top, left = torch.randint(cell, (2,), generator=choices).tolist()
    # Interpolation leaves two thirds of the deviation, on average over each axis' phases.
    return 1.5 * fine[..., top : top + height, left : left + width]


def round_randomly(frames: Tensor, generator: Generator) -> Tensor:
    """Rounds to 8-bit levels in [0, 1]; a level rounds up as often as its remainder says."""
    dither = torch.rand(frames.shape, generator=generator, device=frames.device)
    return (frames * 255 + dither).floor().clamp(0, 255) / 255


def _normal(like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device)
