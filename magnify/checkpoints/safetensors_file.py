"""Safetensors: a JSON header that says where each tensor lies, then the tensors."""

import json
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from magnify.checkpoints.limits import LARGEST_HEADER, MOST_DIMENSIONS, MOST_TENSORS
from magnify.errors import CheckpointError, reason


def read_safetensors(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, and what the file says of itself.

    Raises:
        CheckpointError: truncated, damaged, or numbers of a kind that is not supported.
    """
    header, _ = split_header(data)
    _check_sizes(header)
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"truncated or damaged: {reason(error)}") from error
    # A type that PyTorch lacks is a missing key, or one of many errors while it is filled.
    except Exception as error:
        raise CheckpointError(
            f"holds numbers of a kind that is not supported: {reason(error)}"
        ) from error
    return tensors, header.get("__metadata__") or {}


def split_header(data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where in the file the tensors start.

    Raises:
        CheckpointError: it is truncated, damaged or too large.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    if end > 8 + LARGEST_HEADER:
        raise CheckpointError(f"truncated or damaged: a header of {end - 8:,} bytes")
    try:
        header = json.loads(data[8:end])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"truncated or damaged: its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise CheckpointError("truncated or damaged: its header lists no tensors")
    return header, end


def _check_sizes(header: dict[str, Any]) -> None:
    if len(header) > MOST_TENSORS:
        raise CheckpointError(f"has over {MOST_TENSORS:,} tensors, more than any network")
    for name, entry in header.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if isinstance(shape, list) and len(shape) > MOST_DIMENSIONS:
            raise CheckpointError(f"tensor {name} has {len(shape):,} dimensions")
