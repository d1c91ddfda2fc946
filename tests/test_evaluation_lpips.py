"""LPIPS against values that the authors' package gives for the same weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from magnify.errors import CheckpointError
from magnify.evaluation import Lpips
from magnify.video import Picture

CONVOLUTIONS = {
    "net.slice1.0": (64, 3, 11, 11),
    "net.slice2.3": (192, 64, 5, 5),
    "net.slice3.6": (384, 192, 3, 3),
    "net.slice4.8": (256, 384, 3, 3),
    "net.slice5.10": (256, 256, 3, 3),
}


def wave(shape: tuple[int, ...], step: float) -> torch.Tensor:
    """Numbers between -1 and 1 that any program can make again."""
    index = torch.arange(int(np.prod(shape)))
    return (index * index % 9973 * step).sin().reshape(shape).float()


def lpips_state() -> dict[str, torch.Tensor]:
    tensors = {}
    for number, (name, shape) in enumerate(CONVOLUTIONS.items()):
        tensors[f"{name}.weight"] = 2 * wave(shape, 1.1 + number) / np.prod(shape[1:]) ** 0.5
        tensors[f"{name}.bias"] = wave(shape[:1], 0.7) / 10
        tensors[f"lin{number}.model.1.weight"] = wave((1, shape[0], 1, 1), 0.3).abs()
    return tensors


def pictures() -> tuple[Picture, Picture]:
    rows, columns = np.mgrid[:96, :80]
    first = np.stack([128 + 100 * np.sin(rows / 5 + c + columns / 9) for c in range(3)], axis=-1)
    second = np.stack([128 + 90 * np.sin(rows / 5.5 + c + columns / 8) for c in range(3)], axis=-1)
    return first[None].round().astype(np.uint8), second[None].round().astype(np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lpips") / "alex.pth"
    torch.save(lpips_state(), path)
    return path


def test_the_distance_is_that_of_the_authors_package(weights: Path) -> None:
    first, second = pictures()
    metric = Lpips.load(weights)
    assert metric(first, second) == pytest.approx([0.336639], rel=1e-4)
    assert metric(first, first) == pytest.approx([0], abs=1e-9)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="not a readable torch file"):
        Lpips.load(path)
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not the state dict of lpips"):
        Lpips.load(path)
