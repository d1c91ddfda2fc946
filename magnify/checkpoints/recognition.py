"""From a file's tensors to a network's: which layout they are in, and their names in ours."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from magnify.checkpoints.layouts import LAYOUTS, Layout
from magnify.errors import CheckpointError

_PARALLEL_PREFIX = "module."
"""What multi-GPU training puts before every name."""
_NAMES_SHOWN = 3


def find_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        CheckpointError: there is none.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise CheckpointError(f"unknown layout {name!r}; this version knows {known}")


def recognise(tensors: Mapping[str, Tensor]) -> tuple[Layout, dict[str, Tensor]]:
    """Tensors under published names → their layout, and the tensors as `in_our_names` gives them.

    Raises:
        CheckpointError: no layout has these names, or a shape is wrong.
    """
    if tensors and all(name.startswith(_PARALLEL_PREFIX) for name in tensors):
        tensors = {name.removeprefix(_PARALLEL_PREFIX): value for name, value in tensors.items()}
    closest = max(LAYOUTS, key=lambda layout: _likeness(layout, tensors.keys()))
    if _likeness(closest, tensors.keys()) == 0:
        raise CheckpointError(
            f"unknown layout: its {len(tensors)} tensors ({_shown(tensors)}) have no name in "
            "common with any network that can be loaded"
        )
    return closest, in_our_names(closest, tensors)


def in_our_names(layout: Layout, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the layout's published names → float32 tensors under ours, OIHW.

    Raises:
        CheckpointError: a tensor is missing, unexpected, or of the wrong shape or type.
    """
    _check_names(layout, tensors.keys())
    ours = {}
    for published, name in layout.tensors.items():
        tensor = tensors[published]
        expected = layout.shapes[name]
        if layout.hwio and len(expected) == 4:
            out, inputs, *kernel = expected
            expected = (*kernel, inputs, out)
        if tensor.shape != expected:
            raise CheckpointError(
                f"tensor {published} has shape {tuple(tensor.shape)}, "
                f"but layout {layout.name} expects {expected}"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"tensor {published} holds {tensor.dtype}, no floating-point weights"
            )
        tensor = tensor.to(torch.float32)
        ours[name] = (tensor.permute(3, 2, 0, 1) if layout.hwio else tensor).contiguous()
    return ours


def under_our_names(layout: Layout) -> Layout:
    """The layout as this project's own files have it."""
    names = {name: name for name in layout.tensors.values()}
    return replace(layout, tensors=names, hwio=False, ignored=frozenset())


def _likeness(layout: Layout, names: Collection[str]) -> float:
    """Shared names over all names: 1 if they are the same."""
    shared = len(layout.tensors.keys() & names)
    return shared / len(layout.tensors.keys() | (set(names) - layout.ignored))


def _check_names(layout: Layout, names: Collection[str]) -> None:
    missing = [name for name in layout.tensors if name not in names]
    known = {*layout.tensors, *layout.ignored}
    unexpected = [name for name in names if name not in known]
    if not missing and not unexpected:
        return
    differences = [
        f"{len(found)} {kind} ({_shown(found)})"
        for kind, found in (("missing", missing), ("unexpected", unexpected))
        if found
    ]
    raise CheckpointError(
        f"unknown layout: looks most like {layout.name}, but of its tensors "
        f"{' and '.join(differences)}"
    )


def _shown(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
