"""Computes VGG-19's features for the contrastive term, with weights that the user has."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.checkpoints import load_modules

CONVOLUTIONS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256)}
"""VGG-19's convolutions to relu3-1 by their number in torchvision's `features`: in, out."""
POOLED_BEFORE = frozenset({5, 10})


class VggFeatures(nn.Module):
    """Computes relu3-1 (B, 256, H/4, W/4) of pictures (B, 3, H, W) in [0, 1]. Never trained."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict(
            {
                str(number): nn.Conv2d(inputs, outputs, 3, padding=1)
                for number, (inputs, outputs) in CONVOLUTIONS.items()
            }
        )
        # What ImageNet's networks were trained with.
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        x = (pictures - self.mean) / self.deviation
        for number, convolution in self.convolutions.items():
            if int(number) in POOLED_BEFORE:
                x = F.max_pool2d(x, 2)
            x = F.relu(convolution(x))
        return x

    @classmethod
    def load(cls, path: Path) -> "VggFeatures":
        """Loads torchvision's VGG-19 state dict (`vgg19-….pth`).

        Raises:
            CheckpointError: the file cannot be read or is no VGG-19.
        """
        features = cls()
        numbered = features.convolutions.items()
        modules = {f"features.{number}": convolution for number, convolution in numbered}
        load_modules(path, modules, "torchvision's VGG-19")
        return features
