"""Training pairs, made on the fly: reference, query, and the query with its motion magnified."""

from dataclasses import dataclass, field, replace

import torch
from torch import Generator, Tensor

from magnify.synthesis.degradation import DegradationSettings, degrade
from magnify.synthesis.drawing import PARTS, SceneSettings, draw_scenes
from magnify.synthesis.photographs import Photographs
from magnify.synthesis.scenes import Scenes


@dataclass(frozen=True)
class Pairs:
    """B training samples: frames (B, 3, H, W) in [0, 1], names after the authors' layout.

    Attributes:
        reference: frameA.
        query: frameB, its colours perturbed.
        unperturbed: frameC, the query in the reference's colours.
        target: amplified, in the query's colours.
        alpha: (B,), the total magnification factor.
    """

    reference: Tensor
    query: Tensor
    unperturbed: Tensor
    target: Tensor
    alpha: Tensor


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        scenes: what is in the picture and how it moves.
        degradation: what camera and codec do to reference and query.
        perturbed: share of the pairs whose query and target have other colours than the reference.
        perturbation: strength of that change: the standard deviation of each channel's log gain
            and log gamma; its offset has a quarter of it.
    """

    scenes: SceneSettings = field(default_factory=SceneSettings)
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    perturbed: float = 0.5
    perturbation: float = 0.1


class SyntheticPairs:
    """An endless source of pairs: batch `index` is always the same for the same seed."""

    def __init__(
        self, photographs: Photographs, settings: PairSettings, batch: int, seed: int = 0
    ) -> None:
        self.photographs = photographs
        self.settings = settings
        self.batch = batch
        self.seed = seed
        self.device = photographs.backgrounds[0].device

    def scenes(self, index: int, magnified_motion: float | None = None) -> Scenes:
        """The scenes of batch `index`, the five parts taking turns.

        `magnified_motion` replaces the settings' (a curriculum's way in).
        """
        settings = self.settings.scenes
        if magnified_motion is not None:
            settings = replace(settings, magnified_motion=magnified_motion)
        parts = (index * self.batch + torch.arange(self.batch)) % PARTS
        return draw_scenes(self.photographs, settings, parts, self._generator(index, "cpu"))

    def pairs(self, index: int, magnified_motion: float | None = None) -> Pairs:
        """Batch `index`."""
        scenes = self.scenes(index, magnified_motion)
        return make_pairs(scenes, self.settings, self._generator(index, self.device))

    def _generator(self, index: int, device: torch.device | str) -> Generator:
        # Seeds that differ in few bits start some generators alike; a prime spreads them.
        return Generator(device).manual_seed(self.seed * 2_147_483_647 + index)


def make_pairs(scenes: Scenes, settings: PairSettings, generator: Generator) -> Pairs:
    """Renders, perturbs and degrades; `generator` lives on the scenes' device."""
    rest, once = torch.zeros_like(scenes.alpha), torch.ones_like(scenes.alpha)
    frames = scenes.render(torch.stack((rest, once, scenes.alpha), dim=1))
    reference, query, target = frames.unbind(dim=1)
    change = ColourChange.draw(len(query), settings, generator)
    reference, degraded = degrade([reference, change(query)], settings.degradation, generator)
    return Pairs(reference, degraded, query, change(target), scenes.alpha)


@dataclass(frozen=True)
class ColourChange:
    """gain · colour ** gamma + offset, each (B, 3, 1, 1)."""

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
