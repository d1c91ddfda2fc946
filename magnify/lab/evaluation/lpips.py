"""Measures how different pictures look to people (LPIPS), with weights that the user has."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from magnify.checkpoints import load_modules
from magnify.lab.evaluation.quality import Levels

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""What the metric subtracts from, and divides, RGB in [-1, 1] by."""

POOLED_BEFORE = frozenset({1, 2})


class Lpips(nn.Module):
    """Measures how different two pictures look to people.

    It is 0 for identical pictures, about 0.1 where the difference is small, 0.7 where nothing is
    alike. It compares unit-length features after each of AlexNet's five convolutions: squared
    differences are weighted by channel, averaged over the picture, and summed. Zhang et al., "The
    unreasonable effectiveness of deep features", 2018; version 0.1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(3, 64, 11, stride=4, padding=2),
                nn.Conv2d(64, 192, 5, padding=2),
                nn.Conv2d(192, 384, 3, padding=1),
                nn.Conv2d(384, 256, 3, padding=1),
                nn.Conv2d(256, 256, 3, padding=1),
            ]
        )
        self.weights = nn.ModuleList(
            [nn.Conv2d(c.out_channels, 1, 1, bias=False) for c in self.convolutions]  # type: ignore[arg-type]
        )
        self.requires_grad_(False)

    @torch.inference_mode()
    def forward(self, pictures: Levels, truth: Levels) -> NDArray[np.float64]:
        """Gives the distance (T,) between pictures (T, H, W, 3) in grey levels, RGB."""
        distances = []
        for pair in zip(pictures, truth, strict=True):
            x = torch.from_numpy(np.stack(pair).astype(np.float32)) / 127.5 - 1
            x = (x - x.new_tensor(SHIFT)) / x.new_tensor(SCALE)
            distances.append(self._distance(x.permute(0, 3, 1, 2)))
        return np.array(distances)

    def _distance(self, x: Tensor) -> float:
        total = 0.0
        for number, (convolution, weight) in enumerate(
            zip(self.convolutions, self.weights, strict=True)
        ):
            if number in POOLED_BEFORE:
                x = F.max_pool2d(x, 3, stride=2)
            x = F.relu(convolution(x))
            unit = x / (x.norm(dim=1, keepdim=True) + 1e-10)
            total += float(weight((unit[:1] - unit[1:]).square()).mean())
        return total

    @classmethod
    def load(cls, path: Path) -> "Lpips":
        """Loads the state dict of the `lpips` package's `LPIPS(net="alex")`.

        Raises:
            CheckpointError: the file cannot be read, or holds something else.
        """
        metric = cls()
        names = (f"net.slice{i}.{n}" for i, n in enumerate((0, 3, 6, 8, 10), start=1))
        weights = {f"lin{i}.model.1": weight for i, weight in enumerate(metric.weights)}
        modules = dict(zip(names, metric.convolutions, strict=True)) | weights
        load_modules(path, modules, 'lpips.LPIPS(net="alex")')
        return metric.eval()
