"""Named bands, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from magnify.errors import SettingsError, did_you_mean


@dataclass(frozen=True)
class Band:
    """Frequencies that something moves at.

    Attributes:
        name: what `--band` calls it.
        low, high: Hz.
        sampling_rate: frames per second of the recording that the band was chosen for; None
            where it is a property of the thing, whatever records it.
        alpha: the magnification its source used, or one to start with.
        source: where the numbers come from.
    """

    name: str
    low: float
    high: float
    sampling_rate: float | None
    alpha: float
    source: str


_PAPER = "Oh et al., ECCV 2018, Table A.1"
_STRING = "equal temperament, {} at {} Hz, ±10 Hz"

_ALL = (
    Band("breathing", 0.2, 0.5, None, 20, "adults at rest, 12 to 30 breaths a minute"),
    Band("infant-breathing", 0.5, 1.0, None, 20, "newborns, 30 to 60 breaths a minute"),
    Band("pulse", 0.8, 2.0, None, 30, "48 to 120 beats a minute"),
    Band("tremor", 4.0, 12.0, None, 10, "resting (4-6 Hz) to physiological (8-12 Hz) tremor"),
    Band("sway", 0.1, 1.0, None, 20, "first modes of tall buildings, masts and long bridges"),
    Band("guitar-e", 72.0, 92.0, None, 25, f"{_PAPER} (guitar, at 600 fps): low E string, 82.4 Hz"),
    Band("guitar-a", 100.0, 120.0, None, 25, _STRING.format("A2", 110.0)),
    Band("guitar-d", 136.8, 156.8, None, 25, _STRING.format("D3", 146.8)),
    Band("guitar-g", 186.0, 206.0, None, 25, _STRING.format("G3", 196.0)),
    Band("guitar-b", 236.9, 256.9, None, 25, _STRING.format("B3", 246.9)),
    Band("guitar-high-e", 319.6, 339.6, None, 25, _STRING.format("E4", 329.6)),
    Band("crane", 0.2, 0.25, 24, 75, f"{_PAPER}, FIR"),
    Band("balance", 1.0, 8.0, 300, 10, f"{_PAPER}, Butterworth of order 2"),
    Band(
        *("throat", 90.0, 110.0, 3800, 100),
        f"{_PAPER}, FIR; the published file holds each of 1900 frames a second twice",
    ),
    Band("tree-slow", 0.5, 1.0, 60, 25, f"{_PAPER} (tree), FIR"),
    Band("tree-fast", 1.5, 2.0, 60, 25, f"{_PAPER} (tree), FIR"),
    Band("camera", 36.0, 62.0, 300, 75, _PAPER),
    Band("eye", 30.0, 50.0, 500, 75, _PAPER),
    Band("drum", 74.0, 78.0, 1900, 10, f"{_PAPER}, FIR"),
    Band("baby", 0.2, 2.4, 30, 20, f"{_PAPER}: difference of IIR, 0.04 and 0.4, in Hz"),
)

BANDS: Mapping[str, Band] = MappingProxyType({band.name: band for band in _ALL})


def band(name: str) -> Band:
    """The band of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in BANDS:
        raise SettingsError(
            f"unknown band '{name}'; choose one of {', '.join(BANDS)}.{did_you_mean(name, BANDS)}"
        )
    return BANDS[name]
