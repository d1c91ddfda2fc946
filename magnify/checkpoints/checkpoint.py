"""Weight files: from any published one to a network."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from magnify.checkpoints.bundle_files import bundle_files
from magnify.checkpoints.layouts import Layout
from magnify.checkpoints.limits import LARGEST_FILE
from magnify.checkpoints.reading import open_regular, read_whole
from magnify.checkpoints.recognition import (
    find_layout,
    in_our_names,
    recognise,
    under_our_names,
)
from magnify.checkpoints.safetensors_file import read_safetensors
from magnify.checkpoints.tensorflow_bundle import read_bundle
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
        CheckpointError: missing, truncated, damaged or too large (`limits`); no regular file; no
            checkpoint at all; unknown layout; wrong shapes; values that are not finite; or a file
            that asks for code to be run.
    """
    path = Path(path)
    try:
        contents = _read_bundle_files(path) or [_read_single(path)]
        published, metadata = _parse(contents)
        layout, tensors = _recognise(published, metadata)
        _check_finite(tensors)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such weight file") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise CheckpointError(f"{path}: there is too little memory to read it") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return Checkpoint(path, layout, tensors, digest.hexdigest(), metadata)


def _check_finite(tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CheckpointError(f"{name} holds infinity or NaN: damaged, or training diverged")


def _read_bundle_files(path: Path) -> list[bytes]:
    """The index and the data files of a TensorFlow checkpoint; none if `path` names no such."""
    contents, left = [], LARGEST_FILE
    for file in bundle_files(path):
        contents.append(read_whole(file, left))
        left -= len(contents[-1])
    return contents


def _read_single(path: Path) -> bytes:
    """The whole of a weight file, unless its size or its head shows that it is none."""
    with open_regular(path, LARGEST_FILE) as file:
        head = file.read(_HEAD)
        _reject_impostor(head)
        if not (_is_safetensors(head) or _is_torch(head)):
            raise CheckpointError(
                f"no weight file (it starts with {head[:8]!r}): expected safetensors, a file "
                "written by torch.save, or a TensorFlow checkpoint"
            )
        file.seek(0)
        return file.read()


def _is_safetensors(head: bytes) -> bool:
    """The header's length in 8 bytes, less than 4 GB, then the header in JSON."""
    return len(head) > 8 and head[4:9] == b"\0\0\0\0{"


def _is_torch(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"\x80"))


def _reject_impostor(head: bytes) -> None:
    """What a browser or git leaves under a weight file's name."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
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
    if _is_safetensors(content[:_HEAD]):
        return read_safetensors(content)
    return read_torch_pickle(content), {}


def _recognise(
    published: dict[str, Tensor], metadata: dict[str, str]
) -> tuple[Layout, dict[str, Tensor]]:
    if metadata.get("format") != OWN_FORMAT:
        return recognise(published)
    layout = find_layout(metadata.get("layout", ""))
    return layout, in_our_names(under_our_names(layout), published)
