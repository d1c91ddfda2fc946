"""Weights for the tests: random ones in the published names, real ones where they are."""

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from magnify.checkpoints import LAYOUTS, Layout, read_checkpoint
from magnify.errors import CheckpointError
from magnify.lab.training.perceptual import VggFeatures

BY_NAME = {layout.name: layout for layout in LAYOUTS}
SHARED = Path(os.environ.get("MAGNIFY_SHARED", Path(__file__).parents[3] / "shared"))


def shared_file(name: str) -> Path:
    """A file of the shared reference data, or a skipped test."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} under MAGNIFY_SHARED, which is not here")
    return path


def random_tensors(layout: Layout) -> dict[str, Tensor]:
    """Random weights under the layout's published names, in its order of axes."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for published, ours in layout.tensors.items():
        tensor = torch.randn(layout.shapes[ours], generator=generator)
        tensors[published] = tensor.permute(2, 3, 1, 0).contiguous() if layout.hwio else tensor
    return tensors


def in_ours(layout: Layout, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a reader should make of those."""
    return {
        ours: tensors[name].permute(3, 2, 0, 1) if layout.hwio else tensors[name]
        for name, ours in layout.tensors.items()
    }


def assert_same_tensors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor), name


def fails(path: Path) -> str:
    """The message with which reading fails, one printable line, without the file at its start."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) <= 1000
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def write_random_vgg(path: Path, seed: int = 0) -> VggFeatures:
    """The part of a torchvision state dict that the contrastive term needs, and what reads it."""
    torch.manual_seed(seed)
    features = VggFeatures()
    state = features.convolutions.state_dict()
    torch.save({f"features.{name}": value for name, value in state.items()}, path)
    return features
