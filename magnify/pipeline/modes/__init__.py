"""The modes: what counts as motion in a clip. One kind, one file."""

from collections.abc import Mapping
from typing import Any

from magnify.errors import SettingsError
from magnify.pipeline.modes.acceleration import Acceleration
from magnify.pipeline.modes.bandpass import Bandpass
from magnify.pipeline.modes.base import Mode
from magnify.pipeline.modes.reference import Dynamic, Static
from magnify.settings import from_plain

__all__ = [
    "MODES",
    "Acceleration",
    "Bandpass",
    "Dynamic",
    "Mode",
    "Static",
    "mode_from_dict",
]

MODES: Mapping[str, type[Mode]] = {
    mode.name: mode for mode in (Static, Dynamic, Bandpass, Acceleration)
}


def mode_from_dict(settings: Any) -> Mode:
    """The mode that `Mode.to_dict` described.

    Raises:
        SettingsError: there is no such mode, or it has no such setting.
    """
    values = dict(settings) if isinstance(settings, Mapping) else {}
    name = values.pop("name", None)
    if name not in MODES:
        raise SettingsError(f"unknown mode {name!r}; choose one of {', '.join(MODES)}")
    return from_plain(MODES[name], values)
