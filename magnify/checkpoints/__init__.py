"""From a weight file, built in or anyone's, to a network."""

from magnify.checkpoints.checkpoint import Checkpoint, read_checkpoint
from magnify.checkpoints.layouts import LAYOUTS, Layout
from magnify.checkpoints.modules import load_modules
from magnify.checkpoints.own_format import (
    average_checkpoints,
    convert_checkpoint,
    write_checkpoint,
)
from magnify.checkpoints.registry import (
    BUILT_IN,
    DEFAULT_MODEL,
    BuiltIn,
    load_checkpoint,
    load_model,
)

__all__ = [
    "BUILT_IN",
    "DEFAULT_MODEL",
    "LAYOUTS",
    "BuiltIn",
    "Checkpoint",
    "Layout",
    "average_checkpoints",
    "convert_checkpoint",
    "load_checkpoint",
    "load_model",
    "load_modules",
    "read_checkpoint",
    "write_checkpoint",
]
