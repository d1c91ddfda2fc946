"""Makes training pairs: reference, query, and the query with its motion magnified."""

import math
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor

from magnify.lab.synthesis.degradation import DegradationSettings, degrade
from magnify.lab.synthesis.drawing import SceneSettings, draw_scenes
from magnify.lab.synthesis.photographs import Photographs
from magnify.lab.synthesis.scenes import Part, Scenes


@dataclass(frozen=True)
class Pairs:
    """B training samples, frames (B, 3, H, W) in [0, 1]; `frameA` and so on are LBVMM's names.

    Attributes:
        reference: frameA.
        query: frameB, its colours perturbed.
        unperturbed: frameC, the query in the reference's colours.
        target: amplified, in the query's colours.
        alpha: (B,), the total magnification factor.
        motion: (B, 2, H, W), how far what the target shows has moved from the query, in pixels
            down and right; (B, 0, H, W) where that was not asked for.
    """

    reference: Tensor
    query: Tensor
    unperturbed: Tensor
    target: Tensor
    alpha: Tensor
    motion: Tensor

    def to(self, device: torch.device) -> "Pairs":
        """Brings the pairs to a device. What is queued there afterwards finds them."""
        to_gpu = device.type == "cuda"
        return Pairs(*(value.to(device, non_blocking=to_gpu) for value in vars(self).values()))


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        scenes: what is in the picture and how it moves.
        degradation: what camera and codec do to reference and query.
        perturbed: share of the pairs whose query and target have other colours than the reference.
        perturbation: strength of that change: the standard deviation of each channel's log gain
            and log gamma; its offset has a quarter of it.
        with_motion: say how far everything in the target has moved, too.
    """

    scenes: SceneSettings = field(default_factory=SceneSettings)
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    perturbed: float = 0.5
    perturbation: float = 0.1
    with_motion: bool = False


@dataclass(frozen=True)
class BatchSettings:
    """What a batch looks like at some point of a training run.

    Attributes:
        batch: pairs in it.
        crop: their height and width in pixels.
        magnified_motion: longest displacement in the target, in pixels, where it can be chosen.
        degraded: how many of the pairs that the settings would degrade are, 0 to 1.
        alpha: smallest and largest that are drawn, where that can be chosen, within the settings'
            range.
        input_motion: longest displacement in the query, in pixels, where it can be chosen.
    """

    batch: int
    crop: int
    magnified_motion: float
    degraded: float = 1.0
    alpha: tuple[float, float] = (0.0, math.inf)
    input_motion: float = math.inf


class PairSource(Protocol):
    """Where training pairs come from; batch `index` is the same whenever it is asked for.

    As a string, it says how many of what the pairs are made from.
    """

    def pairs(self, index: int, batch_settings: BatchSettings) -> Pairs: ...


class SyntheticPairs:
    """An endless source of pairs, drawn from photographs, on the photographs' device."""

    def __init__(
        self, photographs: Photographs, settings: PairSettings | None = None, seed: int = 0
    ) -> None:
        self.photographs = photographs
        self.settings = settings or PairSettings()
        self.seed = seed

    def __str__(self) -> str:
        return str(self.photographs)

    def scenes(self, index: int, batch_settings: BatchSettings) -> Scenes:
        """Draws the scenes of batch `index`; the five parts take turns."""
        lowest, highest = self.settings.scenes.alpha
        least = min(highest, max(lowest, batch_settings.alpha[0]))
        settings = replace(
            self.settings.scenes,
            size=batch_settings.crop,
            magnified_motion=batch_settings.magnified_motion,
            input_motion=min(self.settings.scenes.input_motion, batch_settings.input_motion),
            alpha=(least, max(least, min(highest, batch_settings.alpha[1]))),
        )
        parts = (index * batch_settings.batch + torch.arange(batch_settings.batch)) % len(Part)
        generator = seeded(self.seed, index, RandomStream.SCENES)
        return draw_scenes(self.photographs, settings, parts, generator)

    def pairs(self, index: int, batch_settings: BatchSettings) -> Pairs:
        """Makes batch `index`: scenes, rendered, perturbed and degraded."""
        generator = seeded(self.seed, index, RandomStream.CAMERA, self.photographs.device)
        choices = seeded(self.seed, index, RandomStream.CHOICES)
        degradation = self.settings.degradation.rarer(batch_settings.degraded)
        settings = replace(self.settings, degradation=degradation)
        return make_pairs(self.scenes(index, batch_settings), settings, generator, choices)


class RandomStream(IntEnum):
    """What random numbers are for. Draws from different streams do not depend on each other."""

    SCENES = 0
    CAMERA = 1
    CHOICES = 2


def seeded(
    seed: int, index: int, stream: RandomStream, device: torch.device | str = "cpu"
) -> Generator:
    """Makes the generator of item `index`; `seed` is at least 0."""
    # Hashed: PyTorch's generator on a CPU takes only the lower 32 bits of what it is given.
    (state,) = np.random.SeedSequence((seed, index, stream)).generate_state(1, np.uint32)
    return Generator(device).manual_seed(int(state))


def make_pairs(
    scenes: Scenes, settings: PairSettings, generator: Generator, choices: Generator
) -> Pairs:
    """Renders scenes, perturbs their colours, and degrades them.

    `generator` lives on the scenes' device, `choices` on the CPU.
    """
    rest, once = torch.zeros_like(scenes.alpha), torch.ones_like(scenes.alpha)
    frames = scenes.render(torch.stack((rest, once, scenes.alpha), dim=1))
    reference, query, target = frames.unbind(dim=1)
    change = ColourChange.draw(len(query), settings, generator)
    reference, degraded = degrade(
        [reference, change(query)], settings.degradation, generator, choices
    )
    moved = motion(scenes) if settings.with_motion else query[:, :0]
    return Pairs(reference, degraded, query, change(target), scenes.alpha, moved)


def motion(scenes: Scenes) -> Tensor:
    """Tells how far what each pixel of the target shows has moved from the query: (B, 2, H, W)."""
    shown = scenes.coverage(scenes.alpha[:, None])[:, 0].argmax(dim=1)
    moved = scenes.displacement(scenes.alpha[:, None] - 1)[:, 0]
    which = shown.flatten(1)[..., None].expand(-1, -1, 2)
    return moved.gather(1, which).mT.reshape(len(shown), 2, *shown.shape[1:])


@dataclass(frozen=True)
class ColourChange:
    """Changes colours to gain · colour ** gamma + offset, each (B, 3, 1, 1)."""

    gain: Tensor
    gamma: Tensor
    offset: Tensor

    @classmethod
    def draw(cls, count: int, settings: PairSettings, generator: Generator) -> "ColourChange":
        device = generator.device
        present = torch.rand(count, 1, 1, 1, generator=generator, device=device)
        strength = settings.perturbation * (present < settings.perturbed)
        gain, gamma, offset = (
            strength * torch.randn(count, 3, 1, 1, generator=generator, device=device)
            for _ in range(3)
        )
        return cls(gain.exp(), gamma.exp(), offset / 4)

    def __call__(self, frames: Tensor) -> Tensor:
        return (self.gain * frames**self.gamma + self.offset).clamp(0, 1)
