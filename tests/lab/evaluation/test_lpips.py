"""LPIPS against values that the authors' package gives for the same weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from magnify.errors import CheckpointError
from magnify.lab.evaluation import Lpips
from magnify.video import Picture
from support.lpips import lpips_state


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
