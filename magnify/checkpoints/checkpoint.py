"""Weight files: from any published one to a network."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from magnify.checkpoints.layouts import Layout
from magnify.checkpoints.recognition import (
    find_layout,
    in_our_names,
    recognise,
    under_our_names,
)
from magnify.checkpoints.tensorflow_bundle import bundle_files, read_bundle
from magnify.checkpoints.torch_pickle import read_torch_pickle
from magnify.errors import CheckpointError
from magnify.models import MagnificationModel

OWN_FORMAT = "magnify"
"""What the metadata of this project's own files says under `format`."""
_HEAD = 512
"""Enough of a file to tell what it is."""


@dataclass(frozen=True)
class Checkpoint:
    """What a weight file holds.

    Attributes:
        path: the file, as it was named.
        layout: the published form that the file is in.
        tensors: float32 tensors under the names of our state dict.
        sha256: of the file's bytes; of a TensorFlow bundle, of the index and the data in a row.
        metadata: of a safetensors file; empty for the others.
    """

    path: Path
    layout: Layout
    tensors: dict[str, Tensor]
    sha256: str
    metadata: dict[str, str]

    @property
    def parameters(self) -> int:
        """How many numbers the network has learnt."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def build(self) -> MagnificationModel:
        """The network with these weights (its own copy), in evaluation mode."""
        model = self.layout.build()
        model.load_state_dict(self.tensors, strict=True)
        return model.eval()


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Reads a weight file of any layout and format.

    `path` is a safetensors file, a file written by `torch.save` (zip or legacy; a state dict or a
    whole module, no code of which is run), or a TensorFlow bundle (its `.index`, its `.data-…`,
    their common prefix, the text file `checkpoint` beside them, or their directory).

    Raises:
        CheckpointError: missing, truncated or damaged file; no checkpoint at all; unknown layout;
            wrong shapes; values that are not finite; or a file that asks for code to be run.
    """
    path = Path(path)
    try:
        files = bundle_files(path)
        contents = [file.read_bytes() for file in files] if files else [_read_single(path)]
        published, metadata = _parse(contents)
        layout, tensors = _recognise(published, metadata)
        _check_finite(tensors)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such weight file") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    return Checkpoint(path, layout, tensors, digest, metadata)


def _check_finite(tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{name} holds infinity or NaN: damaged, or training diverged")


def _read_single(path: Path) -> bytes:
    """The whole of a weight file, unless its head shows that it is none."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        _reject_impostor(head)
        if not (_is_safetensors(head) or _is_torch(head)):
            raise CheckpointError(
                f"no weight file (it starts with {head[:8]!r}): expected safetensors, a file "
                "written by torch.save, or a TensorFlow checkpoint"
            )
        return head + file.read()


def _is_safetensors(head: bytes) -> bool:
    """The header's length in 8 bytes, less than 4 GB, then the header in JSON."""
    return len(head) > 8 and head[4:9] == b"\0\0\0\0{"


def _is_torch(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"\x80"))


def _reject_impostor(head: bytes) -> None:
    """What a browser or git leaves under a weight file's name."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not head:
        raise CheckpointError("an empty file")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise CheckpointError(
            "a web page (HTML) saved under the name of a weight file: download the file itself"
        )
    if text.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            "a Git-LFS pointer, not the weights it points to: fetch them with `git lfs pull`"
        )


def _parse(contents: list[bytes]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors under the file's own names, and metadata."""
    if len(contents) > 1:
        for content in contents:
            _reject_impostor(content[:_HEAD])
        return read_bundle(contents[0], contents[1:]), {}
    (content,) = contents
    if not _is_safetensors(content[:_HEAD]):
        return read_torch_pickle(content), {}
    try:
        tensors = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"truncated or damaged: {error}") from error
    except KeyError as error:
        raise CheckpointError(f"holds numbers of a kind that is not supported: {error}") from error
    return tensors, safetensors_header(content).get("__metadata__", {})


def safetensors_header(content: bytes) -> dict[str, dict[str, str]]:
    """Where each tensor lies, and under `__metadata__` what the file says of itself."""
    size = int.from_bytes(content[:8], "little")
    header: dict[str, dict[str, str]] = json.loads(content[8 : 8 + size])
    return header


def _recognise(
    published: dict[str, Tensor], metadata: dict[str, str]
) -> tuple[Layout, dict[str, Tensor]]:
    if metadata.get("format") != OWN_FORMAT:
        return recognise(published)
    layout = find_layout(metadata.get("layout", ""))
    return layout, in_our_names(under_our_names(layout), published)
