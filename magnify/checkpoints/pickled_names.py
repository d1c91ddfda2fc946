"""What the classes and functions that a pickle names are taken for.

Nothing that a pickle names is imported. The few names that tensors need mean something of ours
(`STORAGES`, `FUNCTIONS`); every other one is an `Inert`.
"""

import sys
from _compat_pickle import IMPORT_MAPPING as _PYTHON_2_MODULES
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from magnify.checkpoints.limits import LONGEST_NAME, MOST_DIMENSIONS
from magnify.errors import CheckpointError

_DATA_MODULES = ("_codecs", "argparse", "collections", "copyreg", "datetime", "enum", "pathlib")
"""Of Python's own library, what settings saved beside weights may name; inert like the rest."""
_STORAGES = {
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


@dataclass(slots=True, eq=False)
class Inert:
    """Stands for a class or function that a pickle names, for an object, or for a result.

    Attributes:
        published: the name in the pickle.
        state: the attributes that the pickle gives the object.
    """

    published: str
    state: Mapping[str, Any] | None = None


def stand_in(module: str, name: str) -> Inert | torch.dtype:
    """What `module.name` means in a pickle: a number format, for a storage; else an `Inert`.

    Raises:
        CheckpointError: it is Python's own, as what runs code is.
    """
    module = _PYTHON_2_MODULES.get(module, module)
    published = f"{module}.{name}"
    if published in _STORAGES:
        return _STORAGES[published]
    package = module.partition(".")[0]
    known = published in FUNCTIONS or package in _DATA_MODULES
    if package in sys.stdlib_module_names and not known:
        raise CheckpointError(
            f"refused: loading it would have Python call {published}, which is no part of a "
            "network; nothing was run, and a file from this source should not be trusted"
        )
    return Inert(published)


def checked_name(name: object) -> str:
    """The name, if it is a text of no more characters than names have.

    Two long ones that are equal take time whenever they are compared.

    Raises:
        CheckpointError: it is not.
    """
    if not isinstance(name, str):
        raise CheckpointError(f"truncated or damaged: a name that is {type(name).__name__}")
    if len(name) > LONGEST_NAME:
        raise CheckpointError(f"has a name of {len(name):,} characters ({name})")
    return name


def under_strings(pairs: Iterable[tuple[object, Any]]) -> dict[str, Any]:
    """A dict of the pairs whose key is a string.

    No other key names a tensor, and of a nested one the hash can take for ever.

    Raises:
        CheckpointError: a key is too long.
    """
    return {checked_name(key): value for key, value in pairs if isinstance(key, str)}


def _ordered_dict(pairs: object = ()) -> dict[str, Any]:
    if not isinstance(pairs, list | tuple):
        raise TypeError("an ordered dict of what are no pairs")
    return under_strings(pairs)


def _set(items: object = ()) -> object:
    return items


def _rebuild_tensor(
    storage: object, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    if not isinstance(storage, Tensor) or len(size) > MOST_DIMENSIONS:
        raise TypeError(f"a tensor of {len(size)} dimensions in {type(storage).__name__}")
    return storage.as_strided(size, stride, offset)


def _rebuild_parameter(tensor: object, *_: object) -> object:
    return tensor


FUNCTIONS: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": _ordered_dict,
    "builtins.set": _set,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
}
"""What a pickle may call, by name; the time that each takes is at most its arguments' length."""
