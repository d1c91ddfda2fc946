"""Everything that `magnify` raises on purpose.

MagnifyError
├── SettingsError     a value the caller chose cannot work (alpha, band, codec, device, name)
├── CheckpointError   a weight file cannot be read, trusted or recognised
└── VideoError        a video cannot be read or written
    └── TruncatedInputError   the input ended early; what could be decoded was written

Each message is one line that says what is wrong, with which value or file, and what to do.
"""

from typing import Any


class MagnifyError(Exception):
    """Base of all errors that `magnify` raises on purpose."""


class SettingsError(MagnifyError):
    """A value the caller chose cannot work."""


class CheckpointError(MagnifyError):
    """A weight file cannot be read, trusted or recognised."""


class VideoError(MagnifyError):
    """A video cannot be read or written."""


class TruncatedInputError(VideoError):
    """The input ended early; every frame that could be decoded was processed and written.

    `report` is the `Report` of the output that was written nevertheless, once there is one.
    """

    report: Any = None
