"""How often something changes its colour, such as skin with every heartbeat."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.recording import UNEVEN, Recording
from magnify.analysis.spectra import PADDING, Segments, spectra, vertex
from magnify.errors import SettingsError

CELLS = 16
"""The picture is looked at in so many cells across and down."""

CLEAR = 5.0
"""So many times the noise's power, a frequency stands out in a cell: 1 of 150 does by chance."""

LEAST_SHARE = 0.1
"""The share of the cells in which it has to stand out."""

WHOLE_SHARE = 0.9
"""Where so many cells change together, the light does."""

LEAST_PERIODS = 3


@dataclass(frozen=True)
class Pulse:
    """The change of colour that stands out most in a band.

    Attributes:
        frequency: in Hz.
        share: of the picture in which it stands out, 0 to 1.
    """

    frequency: float
    share: float

    @property
    def per_minute(self) -> float:
        return 60 * self.frequency

    @property
    def is_light(self) -> bool:
        """Whether nearly the whole picture changes, as it does when the light flickers."""
        return self.share > WHOLE_SHARE


def find_pulse(
    path: str | Path,
    low: float,
    high: float,
    *,
    fps: float | None = None,
    sampling_rate: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_frames: int | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Pulse | None:
    """Finds the frequency in a band, in Hz, at which the colour of most cells changes.

    It looks at green, which blood changes most. None if no frequency stands out from the noise in
    a tenth of the picture.

    Raises:
        SettingsError: the clip is shorter than three periods of `low`, or states no frame rate.
        VideoError: it cannot be read.
    """
    recording = Recording(
        path,
        fps=fps,
        sampling_rate=sampling_rate,
        start=start,
        end=end,
        max_frames=max_frames,
    )
    times, cells = _cells(recording, progress)
    seconds = float(times[-1] - times[0])
    if seconds * low < LEAST_PERIODS:
        raise SettingsError(
            f"{path}: {seconds:.3g} s are too short for a frequency of {low:g} Hz; "
            f"{LEAST_PERIODS / low:.3g} s tell it"
        )
    intervals = np.diff(times)
    even = bool(np.ptp(intervals) <= 2 * UNEVEN * np.median(intervals))
    segments = Segments.of(times, even)
    found = spectra(cells, segments, 1.5 * segments.resolution)
    clear = (found.power > CLEAR * found.floor).mean(axis=1)
    strength = np.quantile(found.power / found.floor, 1 - LEAST_SHARE, axis=1)
    inside = (found.frequencies >= low) & (found.frequencies <= high)
    best = int(np.argmax(np.where(inside, strength, 0)))
    if not inside.any() or clear[best] < LEAST_SHARE:
        return None
    near = np.log(strength[max(best - 1, 0) : best + 2] + 1e-12)
    away = vertex(*near) if len(near) == 3 else 0.0
    frequency = float(found.frequencies[best]) + away * segments.resolution / PADDING
    return Pulse(frequency, float(clear[best]))


def _cells(
    recording: Recording, progress: Callable[[str, int, int | None], None] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When each frame comes, in seconds of the recording, and the mean green of its cells."""
    rows = np.linspace(0, recording.height, min(CELLS, recording.height) + 1).astype(int)[:-1]
    columns = np.linspace(0, recording.width, min(CELLS, recording.width) + 1).astype(int)[:-1]
    scale = (recording.stated_rate or recording.rate) / recording.rate
    times, cells = [], []
    with closing(recording.frames()) as frames:
        for seconds, frame in frames:
            green = frame.picture[..., 1].astype(np.float64)
            sums = np.add.reduceat(np.add.reduceat(green, rows, axis=0), columns, axis=1)
            times.append(seconds * scale)
            cells.append(sums.ravel())
            if progress is not None:
                progress("looking for a pulse", len(times), recording.clip.count)
    areas = np.outer(
        np.diff([*rows, recording.height]), np.diff([*columns, recording.width])
    ).ravel()
    return np.array(times), np.array(cells) / areas
