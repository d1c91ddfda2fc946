"""PyTorch's pickles, zip and legacy, state dicts and whole modules, read without running them.

A pickle may name any function of any module and have it called. Here nothing that a file names is
imported: the few names that tensors need are ours (`_KNOWN`), every other one becomes an inert
stand-in that takes whatever it is given. A whole module is then walked through the `_modules`,
`_parameters` and `_buffers` of the stand-ins.
"""

import io
import pickle
import struct
import sys
import zipfile
from _compat_pickle import IMPORT_MAPPING as _PYTHON_2_MODULES
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from magnify.errors import CheckpointError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_DATA_MODULES = ("_codecs", "argparse", "collections", "copyreg", "datetime", "enum", "pathlib")
"""Of Python's own library, what settings saved beside weights may name; inert like the rest."""


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
    # Damaged pickles raise anything, as the pickle module's documentation warns.
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(f"truncated or damaged: {reason}") from error


class Inert:
    """Stands for an object of a class, or the result of a function, that a file names.

    Takes any arguments, state and items; keeps the state only.
    """

    published: ClassVar[str]
    state: Mapping[str, Any]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        inert = super().__new__(cls)
        inert.state = {}
        return inert

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.state = state

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...


def _rebuild_tensor(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _rebuild_parameter(tensor: Tensor, *_: object) -> Tensor:
    return tensor


_KNOWN: dict[str, object] = {
    "collections.OrderedDict": OrderedDict,
    "builtins.set": set,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.BoolStorage": torch.bool,
    "torch.ByteStorage": torch.uint8,
    "torch.CharStorage": torch.int8,
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.IntStorage": torch.int32,
    "torch.LongStorage": torch.int64,
    "torch.ShortStorage": torch.int16,
}


class _Unpickler(pickle.Unpickler):
    """Imports nothing. `storage` gives the memory (dtype, key, numel) as a tensor of one axis."""

    def __init__(
        self, file: io.BytesIO, storage: Callable[[torch.dtype, str, int], Tensor] | None = None
    ) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> object:
        module = _PYTHON_2_MODULES.get(module, module)
        published = f"{module}.{name}"
        if published in _KNOWN:
            return _KNOWN[published]
        package = module.partition(".")[0]
        if package in sys.stdlib_module_names and package not in _DATA_MODULES:
            raise CheckpointError(
                f"refused: loading it would have Python call {published}, which is no part of a "
                "network; nothing was run, and a file from this source should not be trusted"
            )
        return type("Inert", (Inert,), {"published": published})

    def persistent_load(self, pid: Any) -> object:
        kind, first, *rest = pid
        if kind == "module":  # a class, beside the source code that legacy files keep of it
            return first
        key, _device, numel, *view = rest
        if not isinstance(first, torch.dtype) or self._storage is None or any(view):
            raise CheckpointError("its tensors are stored in a way that is not supported")
        return self._storage(first, key, numel)


def _read_zip(data: bytes) -> object:
    """PyTorch 1.6 and later: <name>/data.pkl, and each storage under <name>/data/."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    if sum(member.file_size for member in archive.infolist()) > len(data):
        raise CheckpointError("a compressed zip archive, which torch.save does not write")
    names = archive.namelist()
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise CheckpointError("a zip archive, but not one written by torch.save (no data.pkl)")
    root = roots[0]
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
        raise CheckpointError("a big-endian PyTorch file, which is not supported")

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        return _memory(archive.read(f"{root}data/{key}"), dtype, numel)

    return _Unpickler(io.BytesIO(archive.read(f"{root}data.pkl")), storage).load()


def _read_legacy(data: bytes) -> object:
    """Before PyTorch 1.6: five pickles (the fourth is the content, the last the storages' keys),
    then the storages.
    """
    file = io.BytesIO(data)
    if _Unpickler(file).load() != _LEGACY_MAGIC:
        raise CheckpointError("a pickle, but not one written by torch.save")
    _Unpickler(file).load()  # the protocol's version
    if not _Unpickler(file).load().get("little_endian", True):
        raise CheckpointError("a big-endian PyTorch file, which is not supported")
    storages: dict[str, Tensor] = {}

    def storage(dtype: torch.dtype, key: str, numel: int) -> Tensor:
        if key not in storages:
            if not 0 <= numel * dtype.itemsize <= len(data):
                raise EOFError(f"storage {key} is larger than the file")
            storages[key] = torch.empty(numel, dtype=dtype)
        return storages[key]

    content = _Unpickler(file, storage).load()
    keys = _Unpickler(file).load()
    if set(keys) != set(storages):
        raise EOFError("storages are missing")
    for key in keys:
        (numel,) = struct.unpack("<q", file.read(8))
        memory = storages[key]
        memory.copy_(_memory(file.read(memory.nbytes), memory.dtype, numel))
    return content


def _memory(data: bytes, dtype: torch.dtype, numel: int) -> Tensor:
    if len(data) != numel * dtype.itemsize:
        raise EOFError(f"a storage has {len(data)} of its {numel * dtype.itemsize} bytes")
    return torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in what a file holds."""
    if isinstance(content, Inert):
        tensors = dict(_module_tensors(content))
        if not tensors:
            raise CheckpointError(f"holds {content.published}, which is no network with tensors")
        return tensors
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"holds no state dict, but {type(content).__name__}")
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), dict | Inert):
            return _tensors(content[wrapper])
    for name, value in content.items():
        if not isinstance(value, Tensor):
            found = value.published if isinstance(value, Inert) else type(value).__name__
            raise CheckpointError(
                f"holds no state dict: entry {name!r} is {found}, not a tensor, and there is no "
                f"state dict under {', '.join(_WRAPPERS)}"
            )
    return {str(name): tensor for name, tensor in content.items()}


def _module_tensors(module: Inert, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """What `module.state_dict()` would give."""
    state = module.state
    transient = state.get("_non_persistent_buffers_set", ())
    for name, tensor in {**state.get("_parameters", {}), **state.get("_buffers", {})}.items():
        if isinstance(tensor, Tensor) and name not in transient:
            yield f"{prefix}{name}", tensor
    for name, child in state.get("_modules", {}).items():
        if isinstance(child, Inert):
            yield from _module_tensors(child, f"{prefix}{name}.")
