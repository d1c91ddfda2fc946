"""The weights that come with `magnify`, by name."""

import os
from dataclasses import dataclass
from pathlib import Path

from magnify.checkpoints.checkpoint import Checkpoint, read_checkpoint
from magnify.checkpoints.layouts import Layout
from magnify.checkpoints.recognition import find_layout
from magnify.errors import CheckpointError
from magnify.models import LBVMM, MagnificationModel

DEFAULT_MODEL = LBVMM.name
_PACKAGE = Path(__file__).parents[1]
_WEIGHTS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")
"""Where the weights lie: in an installed package, in a source checkout."""


@dataclass(frozen=True)
class BuiltIn:
    """A weight file of this project.

    Attributes:
        file: its name in `weights/`.
        sha256: of its bytes.
        layout_name: the layout it is in.
        size: in bytes.
        licence: of these weights.
        description: one line on what they are; weights/README.md says more.
    """

    file: str
    sha256: str
    layout_name: str
    size: int
    licence: str
    description: str

    @property
    def layout(self) -> Layout:
        return find_layout(self.layout_name)


BUILT_IN: dict[str, BuiltIn] = {
    "lbvmm": BuiltIn(
        file="lbvmm.safetensors",
        sha256="9c482594e1a89f98631a8e000fd1cf144a04ff8f3271fe55a28de3ba1fac9752",
        layout_name="lbvmm-magnify",
        size=3_680_240,
        licence="MIT",
        description="LBVMM trained from scratch on synthetic pairs, with compression and noise",
    ),
    "fd4mm": BuiltIn(
        file="fd4mm.safetensors",
        sha256="d29166aafc47ab200fdf0d45836031b8e8e5d3a478df1b3ae67fa42f3ce70164",
        layout_name="fd4mm",
        size=5_945_956,
        licence="MIT",
        description="FD4MM, trained like LBVMM but on a CPU only: softer, thin lines stay still",
    ),
}


def load_checkpoint(name_or_path: str | os.PathLike[str]) -> Checkpoint:
    """Built-in weights by their name, or any weight file by its path.

    Only a string can be a name, and goes before a file of that name in the working directory: for
    the file, write `./lbvmm` or give a `Path`.

    Raises:
        CheckpointError: as `read_checkpoint` does; or built-in weights are missing or not the
            released ones.
    """
    name = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and name in BUILT_IN:
        return _load_built_in(BUILT_IN[name])
    bare = os.sep not in name and "." not in name
    if bare and not os.path.exists(name) and not os.path.exists(f"{name}.index"):
        by = "" if isinstance(name_or_path, str) else " (--model)"
        raise CheckpointError(
            f"{name}: no such weight file; built-in weights{by} are {', '.join(BUILT_IN)}"
        )
    return read_checkpoint(name)


def load_model(name_or_path: str | os.PathLike[str]) -> MagnificationModel:
    """The network that `load_checkpoint` finds, in evaluation mode on the CPU.

    Raises:
        CheckpointError: as `load_checkpoint` does.
    """
    return load_checkpoint(name_or_path).build()


def _load_built_in(built_in: BuiltIn) -> Checkpoint:
    path = next((found for folder in _WEIGHTS if (found := folder / built_in.file).is_file()), None)
    if path is None:
        raise CheckpointError(
            f"{_WEIGHTS[0] / built_in.file}: the built-in weights are missing: reinstall magnify"
        )
    checkpoint = read_checkpoint(path)
    if checkpoint.sha256 != built_in.sha256:
        raise CheckpointError(
            f"{path}: not the weights that this version was released with (sha256 "
            f"{checkpoint.sha256[:12]}…, expected {built_in.sha256[:12]}…): reinstall magnify"
        )
    return checkpoint
