"""Which files are a TensorFlow checkpoint."""

import re
from pathlib import Path, PureWindowsPath

from magnify.checkpoints.limits import LARGEST_STATE
from magnify.checkpoints.reading import read_whole
from magnify.errors import CheckpointError


def bundle_files(path: Path) -> list[Path]:
    """The files of the bundle that `path` names: the index, then the data files in order.

    `path` is one of them, their common prefix, their directory, or the text file `checkpoint`
    beside them. Empty if `path` names no bundle.

    Raises:
        CheckpointError: a directory without a bundle, or a bundle that lacks a file.
    """
    prefix = _prefix(path)
    if prefix is None:
        return []
    index = prefix.with_name(f"{prefix.name}.index")
    if not index.exists():
        raise CheckpointError(f"the TensorFlow checkpoint lacks its index, {index.name}")
    pattern = re.compile(re.escape(prefix.name) + r"\.data-\d{5}-of-\d{5}")
    data = sorted(file for file in prefix.parent.iterdir() if pattern.fullmatch(file.name))
    if not data:
        raise CheckpointError(
            f"the TensorFlow checkpoint lacks its data, {prefix.name}.data-00000-of-00001: "
            "put it beside the index"
        )
    return [index, *data]


def _prefix(path: Path) -> Path | None:
    if path.is_dir():
        return _prefix_in(path)
    if path.name == "checkpoint" and path.is_file():
        return _latest(path)
    if match := re.fullmatch(r"(.+)\.(index|data-\d{5}-of-\d{5})", path.name):
        return path.with_name(match[1]) if path.exists() else None
    return path if path.with_name(f"{path.name}.index").exists() else None


def _prefix_in(directory: Path) -> Path:
    state = directory / "checkpoint"
    if state.is_file():
        return _latest(state)
    indices = sorted(directory.glob("*.index"))
    if len(indices) != 1:
        raise CheckpointError(
            f"a directory with {len(indices) or 'no'} TensorFlow checkpoints (*.index): "
            "name the weight file itself"
        )
    return indices[0].with_suffix("")


def _latest(state: Path) -> Path:
    """The prefix that the text file `checkpoint` names, whatever folder it lay in then."""
    text = read_whole(state, LARGEST_STATE).decode(errors="replace")
    match = re.search(r'^model_checkpoint_path:\s*"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise CheckpointError("does not name a TensorFlow checkpoint (no model_checkpoint_path)")
    name = PureWindowsPath(match[1]).name
    if name in ("", "..") or "\0" in name:
        raise CheckpointError(f"names no TensorFlow checkpoint, but {match[1]!r}")
    return state.with_name(name)
