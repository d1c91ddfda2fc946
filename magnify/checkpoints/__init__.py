"""From a name or a weight file, built in or anyone's, to a model."""

from typing import TYPE_CHECKING

from magnify.checkpoints.registry import BUILT_IN, DEFAULT_MODEL, FIRST_LOOK, MODELS, BuiltIn
from magnify.lazy import lazily

if TYPE_CHECKING:
    from magnify.checkpoints.checkpoint import Checkpoint, read_checkpoint
    from magnify.checkpoints.layouts import LAYOUTS, Layout
    from magnify.checkpoints.loading import load_checkpoint, load_model, model_class
    from magnify.checkpoints.modules import load_modules
    from magnify.checkpoints.own_format import (
        average_checkpoints,
        convert_checkpoint,
        write_checkpoint,
    )

__all__ = [
    "BUILT_IN",
    "DEFAULT_MODEL",
    "FIRST_LOOK",
    "LAYOUTS",
    "MODELS",
    "BuiltIn",
    "Checkpoint",
    "Layout",
    "average_checkpoints",
    "convert_checkpoint",
    "load_checkpoint",
    "load_model",
    "load_modules",
    "model_class",
    "read_checkpoint",
    "write_checkpoint",
]

__getattr__ = lazily(
    __name__,
    {
        "LAYOUTS": "magnify.checkpoints.layouts",
        "Checkpoint": "magnify.checkpoints.checkpoint",
        "Layout": "magnify.checkpoints.layouts",
        "average_checkpoints": "magnify.checkpoints.own_format",
        "convert_checkpoint": "magnify.checkpoints.own_format",
        "load_checkpoint": "magnify.checkpoints.loading",
        "load_model": "magnify.checkpoints.loading",
        "load_modules": "magnify.checkpoints.modules",
        "model_class": "magnify.checkpoints.loading",
        "read_checkpoint": "magnify.checkpoints.checkpoint",
        "write_checkpoint": "magnify.checkpoints.own_format",
    },
)
