"""PyTorch's pickles, zip and legacy, state dicts and whole modules, read without running them.

A whole module is walked through the `_modules`, `_parameters` and `_buffers` of what stands for it.
"""

import io
import struct
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from magnify.checkpoints.limits import LONGEST_NAME, MOST_PARTS
from magnify.checkpoints.pickle_machine import unpickle
from magnify.checkpoints.pickled_names import Inert, checked_name
from magnify.checkpoints.stored_zip import stored_members
from magnify.errors import CheckpointError, reason

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_MOST_WRAPPINGS = 8


def read_torch_pickle(data: bytes) -> dict[str, Tensor]:
    """The tensors of a file written by `torch.save`, by name.

    The file holds a state dict, a dict with one under `state_dict`, `model_state_dict` or `model`,
    or a whole module.

    Raises:
        CheckpointError: truncated, damaged, without tensors, or asking for code to be run.
    """
    try:
        content = _read_zip(data) if data[:2] == b"PK" else _read_legacy(data)
        return _tensors(content)
    except CheckpointError:
        raise
    # Damaged pickles raise anything.
    except Exception as error:
        raise CheckpointError(f"truncated or damaged: {reason(error)}") from error


def _read_zip(data: bytes) -> object:
    """PyTorch 1.6 and later: <name>/data.pkl, and each storage under <name>/data/."""
    members = stored_members(data)
    roots = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise CheckpointError("a zip archive, but not one written by torch.save (no data.pkl)")
    root = roots[0]
    if members.get(f"{root}byteorder", b"little") != b"little":
        raise CheckpointError("a big-endian PyTorch file, which is not supported")
    storages: dict[str, Tensor] = {}

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        if key not in storages:
            if f"{root}data/{key}" not in members:
                raise EOFError(f"storage {key} is missing")
            storages[key] = _memory(members[f"{root}data/{key}"], dtype, numel)
        return _checked(storages[key], dtype, numel)

    return unpickle(io.BytesIO(members[f"{root}data.pkl"]), storage)


def _read_legacy(data: bytes) -> object:
    """Before PyTorch 1.6: five pickles (the fourth is the content, the last the storages' keys),
    then the storages.
    """
    file = io.BytesIO(data)
    if unpickle(file) != _LEGACY_MAGIC:
        raise CheckpointError("a pickle, but not one written by torch.save")
    unpickle(file)  # the protocol's version
    system = unpickle(file)
    if not isinstance(system, dict) or not system.get("little_endian", True):
        raise CheckpointError("a big-endian PyTorch file, which is not supported")
    storages: dict[str, Tensor] = {}
    left = len(data)

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        nonlocal left
        if key not in storages:
            if not 0 <= numel * dtype.itemsize <= left:
                raise EOFError(f"storage {key} is larger than the file")
            left -= numel * dtype.itemsize
            storages[key] = torch.empty(numel, dtype=dtype)
        return _checked(storages[key], dtype, numel)

    content = unpickle(file, storage)
    keys = unpickle(file)
    # Only names are compared: of two nested tuples, that may take for ever.
    if not isinstance(keys, list) or sorted(map(checked_name, keys)) != sorted(storages):
        raise EOFError("storages are missing")
    for key in keys:
        (numel,) = struct.unpack("<q", file.read(8))
        memory = storages[key]
        memory.copy_(_memory(file.read(memory.nbytes), memory.dtype, numel))
    return content


def _memory(data: bytes | memoryview, dtype: torch.dtype, numel: int) -> Tensor:
    if len(data) != numel * dtype.itemsize:
        raise EOFError(f"a storage has {len(data)} of its {numel * dtype.itemsize} bytes")
    return torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)


def _checked(storage: Tensor, dtype: torch.dtype, numel: int) -> Tensor:
    """The storage, if a second mention agrees with the first."""
    if storage.dtype != dtype or storage.numel() != numel:
        raise CheckpointError("its tensors are stored in a way that is not supported")
    return storage


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in what a file holds."""
    content = _unwrapped(content)
    if isinstance(content, Inert):
        tensors = dict(_module_tensors(content))
        if not tensors:
            raise CheckpointError(f"holds {content.published}, which is no network with tensors")
        return tensors
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"holds no state dict, but {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(value, Tensor):
            found = value.published if isinstance(value, Inert) else type(value).__name__
            raise CheckpointError(
                f"holds no state dict: entry {name!r} is {found}, not a tensor, and there is no "
                f"state dict under {', '.join(_WRAPPERS)}"
            )
    return content


def _unwrapped(content: object) -> object:
    """What lies under the names that training programs save a state dict under."""
    for _ in range(_MOST_WRAPPINGS):
        if not isinstance(content, dict):
            return content
        wrapped = (content.get(wrapper) for wrapper in _WRAPPERS)
        inner = next((found for found in wrapped if isinstance(found, dict | Inert)), None)
        if inner is None:
            return content
        content = inner
    raise CheckpointError("holds no state dict, but dicts within dicts")


def _module_tensors(root: Inert) -> Iterator[tuple[str, Tensor]]:
    """What `root.state_dict()` would give, in its order.

    A module with two parents has its tensors under both names, as there. So a small file can name
    one module countless times, or put it inside itself: the limits on parts and names end that.
    """
    waiting, parts = [("", root)], 0
    while waiting:
        prefix, module = waiting.pop()
        parameters, buffers, children = (
            _part(module, name) for name in ("_parameters", "_buffers", "_modules")
        )
        transient = (module.state or {}).get("_non_persistent_buffers_set")
        transient = transient if isinstance(transient, list) else []
        parts += 1 + sum(map(len, (transient, children, parameters, buffers)))
        if parts > MOST_PARTS:
            raise CheckpointError(f"has over {MOST_PARTS:,} parts, more than any network")
        unsaved = set(map(checked_name, transient))
        for name, tensor in {**parameters, **buffers}.items():
            if isinstance(tensor, Tensor) and name not in unsaved:
                yield _joined(prefix, name), tensor
        inert = [pair for pair in children.items() if isinstance(pair[1], Inert)]
        waiting += [(_joined(prefix, name, "."), child) for name, child in reversed(inert)]


def _part(module: Inert, name: str) -> dict[str, Any]:
    """What a module lists under a name; empty if it lists nothing."""
    part = (module.state or {}).get(name)
    return part if isinstance(part, dict) else {}


def _joined(*parts: str) -> str:
    if sum(map(len, parts)) > LONGEST_NAME:
        raise CheckpointError(f"a tensor's name has over {LONGEST_NAME:,} characters")
    return "".join(parts)
