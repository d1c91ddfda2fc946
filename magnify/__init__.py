"""See and measure tiny motion in video.

>>> import magnify
>>> magnify.magnify_video("in.mp4", "out.mp4", alpha=20)
"""

from typing import TYPE_CHECKING

from magnify.errors import (
    CheckpointError,
    MagnifyError,
    SettingsError,
    TruncatedInputError,
    VideoError,
)
from magnify.lazy import lazily
from magnify.version import __version__

if TYPE_CHECKING:
    from magnify.analysis import Analysis, Measurement, analyze, measure
    from magnify.checkpoints import load_model
    from magnify.pipeline.job import Compute, Job, Output, Source
    from magnify.pipeline.keywords import magnify_frames, magnify_video
    from magnify.pipeline.modes import Acceleration, Bandpass, Dynamic, Static
    from magnify.pipeline.prepare import load_engine
    from magnify.pipeline.run import run
    from magnify.video import Encoding

__all__ = [
    "Acceleration",
    "Analysis",
    "Bandpass",
    "CheckpointError",
    "Compute",
    "Dynamic",
    "Encoding",
    "Job",
    "MagnifyError",
    "Measurement",
    "Output",
    "SettingsError",
    "Source",
    "Static",
    "TruncatedInputError",
    "VideoError",
    "__version__",
    "analyze",
    "load_engine",
    "load_model",
    "magnify_frames",
    "magnify_video",
    "measure",
    "run",
]

__getattr__ = lazily(
    __name__,
    {
        "Acceleration": "magnify.pipeline.modes",
        "Analysis": "magnify.analysis",
        "Measurement": "magnify.analysis",
        "analyze": "magnify.analysis",
        "measure": "magnify.analysis",
        "Bandpass": "magnify.pipeline.modes",
        "Compute": "magnify.pipeline.job",
        "Dynamic": "magnify.pipeline.modes",
        "Encoding": "magnify.video",
        "Job": "magnify.pipeline.job",
        "Output": "magnify.pipeline.job",
        "Source": "magnify.pipeline.job",
        "Static": "magnify.pipeline.modes",
        "load_engine": "magnify.pipeline.prepare",
        "load_model": "magnify.checkpoints",
        "magnify_frames": "magnify.pipeline.keywords",
        "magnify_video": "magnify.pipeline.keywords",
        "run": "magnify.pipeline.run",
    },
)
