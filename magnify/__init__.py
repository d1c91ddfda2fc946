"""See tiny motion in video: learning-based motion magnification.

>>> import magnify
>>> magnify.magnify_video("in.mp4", "out.mp4", alpha=20)
"""

from typing import TYPE_CHECKING, Any

from magnify.errors import (
    CheckpointError,
    MagnifyError,
    SettingsError,
    TruncatedInputError,
    VideoError,
)
from magnify.version import __version__

if TYPE_CHECKING:
    from magnify.checkpoints import load_model
    from magnify.pipeline.modes import Bandpass, Dynamic, Static
    from magnify.pipeline.run import load_engine, magnify_frames, magnify_video
    from magnify.video import Encoding

__all__ = [
    "Bandpass",
    "CheckpointError",
    "Dynamic",
    "Encoding",
    "MagnifyError",
    "SettingsError",
    "Static",
    "TruncatedInputError",
    "VideoError",
    "__version__",
    "load_engine",
    "load_model",
    "magnify_frames",
    "magnify_video",
]

_HOMES = {
    "Bandpass": "magnify.pipeline.modes",
    "Dynamic": "magnify.pipeline.modes",
    "Encoding": "magnify.video",
    "Static": "magnify.pipeline.modes",
    "load_engine": "magnify.pipeline.run",
    "load_model": "magnify.checkpoints",
    "magnify_frames": "magnify.pipeline.run",
    "magnify_video": "magnify.pipeline.run",
}


def __getattr__(name: str) -> Any:
    """Imports what needs torch when it is first asked for: `magnify --help` does not."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'magnify' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
