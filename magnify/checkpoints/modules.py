"""Weights of others' image networks, for what measures pictures by their features."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from magnify.errors import CheckpointError


def load_modules(path: Path, modules: Mapping[str, nn.Module], source: str) -> None:
    """Fills each module with the tensors under its name in a state dict; others are left alone.

    Args:
        source: whose state dict it has to be, in words.

    Raises:
        CheckpointError: the file cannot be read, or holds something else.
    """
    try:
        tensors: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: not a readable torch file ({reason})") from error
    try:
        for name, module in modules.items():
            module.load_state_dict(
                {part: tensors[f"{name}.{part}"] for part in module.state_dict()}
            )
    except (KeyError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: not the state dict of {source} ({reason})") from error
