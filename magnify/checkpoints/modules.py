"""Weights of others' image networks, for what measures pictures by their features."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from magnify.checkpoints.limits import LARGEST_FEATURES
from magnify.checkpoints.reading import read_whole
from magnify.checkpoints.torch_pickle import read_torch_pickle
from magnify.errors import CheckpointError


def load_modules(path: Path, modules: Mapping[str, nn.Module], source: str) -> None:
    """Fills each module with the tensors under its name in a state dict; others are left alone.

    Args:
        source: whose state dict it has to be, in words.

    Raises:
        CheckpointError: the file cannot be read, or holds something else.
    """
    try:
        tensors = read_torch_pickle(read_whole(path, LARGEST_FEATURES))
    except (CheckpointError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable torch file ({error})") from error
    try:
        for name, module in modules.items():
            module.load_state_dict(
                {part: tensors[f"{name}.{part}"] for part in module.state_dict()}
            )
    except (KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: not the state dict of {source} ({reason})") from error
