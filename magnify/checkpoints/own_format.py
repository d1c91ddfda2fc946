"""This project's own weight files: safetensors that say which network they hold."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from magnify.checkpoints.checkpoint import OWN_FORMAT, Checkpoint
from magnify.checkpoints.layouts import Layout
from magnify.checkpoints.recognition import find_layout, in_our_names, under_our_names
from magnify.checkpoints.replacing import replacing
from magnify.checkpoints.safetensors_file import split_header
from magnify.errors import CheckpointError
from magnify.version import __version__


def write_checkpoint(
    path: str | os.PathLike[str],
    layout: Layout | str,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Writes weights in our own format: safetensors, our tensor names, the layout in the metadata.

    The same weights and metadata give the same bytes. The file appears complete or not at all.

    Args:
        path: the file to write.
        layout: which network the tensors belong to, or its name.
        tensors: the network's state dict (our names), of any floating-point type, on any device.
        metadata: what else to say about the weights: training, provenance, licence.
        dtype: to store the tensors in: torch.float32, torch.bfloat16 or torch.float16.
        overwrite: replace an existing file.

    Raises:
        CheckpointError: the tensors are not the layout's, or not finite (in `dtype`); the file
            exists, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise CheckpointError(
            f"{path}: exists already; use --overwrite to replace it, or another name"
        )
    try:
        if isinstance(layout, str):
            layout = find_layout(layout)
        checked = in_our_names(under_our_names(layout), tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; nothing was written") from error
    stored = {name: tensor.detach().to("cpu", dtype, copy=True) for name, tensor in checked.items()}
    if not all(tensor.isfinite().all() for tensor in stored.values()):
        raise CheckpointError(
            f"{path}: a weight is no number, or too large for {dtype}; nothing was written"
        )
    described = {**(metadata or {}), "format": OWN_FORMAT, "layout": layout.name}
    content = _sorted_metadata(safetensors.torch.save(stored, described))
    with replacing(path) as beside:
        beside.write_bytes(content)


def convert_checkpoint(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Writes a checkpoint in our own format, with what is known of where it comes from.

    A file that was in our own format keeps its first provenance.

    Raises:
        CheckpointError: as `write_checkpoint` does.
    """
    provenance = {
        "source": checkpoint.layout.source,
        "source_file": checkpoint.path.name,
        "source_sha256": checkpoint.sha256,
        "converted_by": f"magnify {__version__}",
        "paper": checkpoint.layout.paper,
        "licence": checkpoint.layout.licence,
        **checkpoint.metadata,
    }
    write_checkpoint(
        path, checkpoint.layout, checkpoint.tensors, provenance, dtype=dtype, overwrite=overwrite
    )


def average_checkpoints(
    checkpoints: Sequence[Checkpoint], path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Writes the mean of one checkpoint or more, tensor by tensor, all with the same say.

    Its metadata is what all of theirs have in common, and their sha256.

    Of training runs that part from the same weights it can be better than each (Wortsman et al.,
    "Model soups", ICML 2022); of runs that do not, it is nothing.

    Raises:
        CheckpointError: they are not of the same layout; or as `write_checkpoint` does.
    """
    first, *others = checkpoints
    for other in others:
        if other.layout is not first.layout:
            raise CheckpointError(
                f"{other.path}: holds {other.layout.name}, and {first.path} {first.layout.name}; "
                "only weights of one layout have a mean"
            )
    mean = {
        name: torch.stack([checkpoint.tensors[name].double() for checkpoint in checkpoints]).mean(0)
        for name in first.tensors
    }
    common = {
        key: text
        for key, text in first.metadata.items()
        if all(other.metadata.get(key) == text for other in others)
    }
    start = "mean of sha256 " + ", ".join(checkpoint.sha256 for checkpoint in checkpoints)
    write_checkpoint(path, first.layout, mean, {**common, "start": start}, overwrite=overwrite)


def _sorted_metadata(content: bytes) -> bytes:
    """The same file with its metadata in order; safetensors writes it in a random one."""
    header, start = split_header(content)
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]
