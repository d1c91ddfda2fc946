"""From a name or a path to a checkpoint or a model."""

import os
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from magnify.checkpoints.checkpoint import Checkpoint, read_checkpoint
from magnify.checkpoints.registry import BUILT_IN, MODELS, BuiltIn
from magnify.errors import CheckpointError, SettingsError
from magnify.models import MagnificationModel
from magnify.settings import as_typed

_PACKAGE = Path(__file__).parents[1]
_WEIGHTS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")
"""Where the weights lie: in an installed package, in a source checkout."""


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


def model_class(name: str) -> type[MagnificationModel]:
    """The class behind a name that `--model` takes; it states the model's facts.

    Raises:
        SettingsError: there is no such model.
    """
    if name not in MODELS:
        raise SettingsError(f"unknown model '{name}'; choose one of {', '.join(MODELS)}")
    module, _, found = MODELS[name].rpartition(".")
    model: type[MagnificationModel] = getattr(import_module(module), found)
    return model


def load_model(name_or_path: str | os.PathLike[str], **options: Any) -> MagnificationModel:
    """The model of that name, or the network that a weight file holds, ready on the CPU.

    `options` are those of a model without weights, as its class takes them.

    Raises:
        CheckpointError: as `load_checkpoint` does.
        SettingsError: the model has no such option, or not with that value.
    """
    if isinstance(name_or_path, str) and name_or_path in MODELS:
        chosen = model_class(name_or_path)
        if not chosen.has_weights:
            return _built(chosen, options)
    if options:
        raise SettingsError(f"{name_or_path} has no options, but was given {as_typed(options)}")
    return load_checkpoint(name_or_path).build()


def _built(chosen: type[MagnificationModel], options: dict[str, Any]) -> MagnificationModel:
    known = signature(chosen).parameters
    if unknown := options.keys() - known.keys():
        has = f"it has {as_typed(known)}" if known else "it has none"
        raise SettingsError(f"{chosen.name} has no option {as_typed(sorted(unknown))}; {has}")
    return chosen(**options).eval()


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
