"""One region's motion: tracked frame by frame, then its errors, spectrum, peaks and decay."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.damping import Decay, fit_decay
from magnify.analysis.spectra import (
    PADDING,
    Segments,
    Spectra,
    octave_median,
    prominent,
    spectra,
    vertex,
)
from magnify.errors import SettingsError
from magnify.motion.copies import CopiedBlocks
from magnify.motion.luma import Levels
from magnify.motion.regions import Region
from magnify.motion.tracking import RegionTracker, State, Tracked

Values: TypeAlias = NDArray[np.float64]

HIGH = 0.7
"""Of Nyquist; motion is rarely faster, so what is there is the measurement's own scatter."""
LEAST_PEAK_DB = 10.0
MOST_PEAKS = 5
LEAST_SPECTRUM = 32
"""Frames from which a spectrum says something."""


@dataclass(frozen=True)
class PlacePeak:
    """A frequency at which a region moves, in Hz; its amplitude zero to peak, in px."""

    frequency: float
    amplitude: float
    decibels: float


@dataclass(frozen=True)
class PlaceMotion:
    """One region's motion: each series (T,), NaN where it is lost.

    Attributes:
        region: as it was followed, in pixels of the upright picture.
        displacement: right and down since the reference, in px: (T, 2).
        error: standard errors of it, in px: (T, 2); those of the fit times `inflation`.
        inflation: how many times more the displacement scatters than the fit's error says.
        likeness: correlation with the reference; `gain`: contrast relative to it.
        states: ok, weak or lost.
        copied: share of the region's 8x8 blocks that an encoder copied; above 0.5 the errors are
            lower bounds, and motion below about 0.2 px is missing.
        axis: the direction that is analysed, right and down: the chosen one, or the main one.
        spectra: of the displacement along it; None for clips that are short, or where it is lost.
    """

    name: str
    region: Region
    displacement: Values
    error: Values
    inflation: float
    likeness: Values
    gain: Values
    states: list[State]
    copied: float
    axis: Values
    spectra: Spectra | None
    peaks: list[PlacePeak]
    decay: Decay | None

    @property
    def along(self) -> Values:
        """Displacement along `axis`, in px: (T,)."""
        along: Values = self.displacement @ self.axis
        return along

    @property
    def lost(self) -> float:
        """The share of frames in which the region is lost."""
        return sum(state is State.lost for state in self.states) / len(self.states)


class Follower:
    """One region, its tracker and what it has said so far."""

    def __init__(self, name: str, reference: Levels, region: Region, level_step: float) -> None:
        self.name, self.region = name, region
        try:
            self.tracker = RegionTracker(reference, region)
        except SettingsError as error:
            raise SettingsError(f"{name} ({region}): {error}") from error
        self.copies = CopiedBlocks(self._cut(reference), level_step)
        self.found: list[Tracked] = []
        self.copied: list[float] = []

    def _cut(self, levels: Levels) -> Levels:
        region = self.region
        return levels[region.y : region.y + region.height, region.x : region.x + region.width]

    def feed(self, levels: Levels) -> None:
        self.found.append(self.tracker.feed(levels))
        self.copied.append(self.copies.feed(self._cut(levels)))

    @property
    def displacement(self) -> Values:
        return np.array([(one.dx, one.dy) for one in self.found])

    def motion(
        self, segments: Segments, angle: float | None, still: "Follower | None"
    ) -> PlaceMotion:
        displacement = self.displacement
        error = np.array([(one.dx_error, one.dy_error) for one in self.found])
        if still is not None:
            displacement = displacement - still.displacement
            stills = np.array([(one.dx_error, one.dy_error) for one in still.found])
            error = np.hypot(error, stills)
        inflation = _inflation(displacement, error)
        axis = _axis(displacement, angle)
        found, peaks, decay = _spectrum(displacement @ axis, segments)
        copied = self.copied[1:]
        known = [share for share in copied if not np.isnan(share)]
        return PlaceMotion(
            name=self.name,
            region=self.region,
            displacement=displacement,
            error=error * inflation,
            inflation=inflation,
            likeness=np.array([one.likeness for one in self.found]),
            gain=np.array([one.gain for one in self.found]),
            states=[
                State.lost if np.isnan(moved).any() else one.state
                for moved, one in zip(displacement, self.found, strict=True)
            ],
            copied=float(np.mean(known)) if known else 0.0,
            axis=axis,
            spectra=found,
            peaks=peaks,
            decay=decay,
        )


def _inflation(displacement: Values, error: Values) -> float:
    """How many times more it scatters at high frequencies than its errors say; at least 1."""
    sure = np.isfinite(displacement).all(axis=1)
    mean = float(np.nanmean(error)) if sure.any() else 0.0
    values = displacement[sure]
    if mean <= 0 or len(values) < LEAST_SPECTRUM:
        return 1.0
    window = np.hanning(len(values))[:, None]
    transform = np.fft.rfft((values - values.mean(axis=0)) * window, axis=0)
    high = np.abs(transform[int(HIGH * len(transform)) :]) ** 2
    # The median of exponential variables is ln 2 of their mean.
    variance = np.median(high, axis=0) / np.log(2) / (window**2).sum()
    return max(1.0, float(np.sqrt(variance.mean())) / mean)


def _axis(displacement: Values, angle: float | None) -> Values:
    """A unit vector, right and down."""
    if angle is not None:
        return np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    known = displacement[np.isfinite(displacement).all(axis=1)]
    if len(known) < 2:
        return np.array([1.0, 0.0])
    main: Values = np.linalg.eigh(np.cov(known.T))[1][:, -1]
    return main if main[np.abs(main).argmax()] > 0 else -main


def _spectrum(
    along: Values, segments: Segments
) -> tuple[Spectra | None, list[PlacePeak], Decay | None]:
    """The spectrum of one series, its peaks by amplitude, and its decay at the largest."""
    if len(along) < LEAST_SPECTRUM or np.isnan(along).any():
        return None, [], None
    lowest = 1.5 * segments.resolution
    found = spectra(along[:, None], segments, lowest)
    power = found.power[:, 0].astype(float)
    usual = np.array([octave_median(power, place) for place in range(len(power))])
    level = np.where(found.frequencies >= lowest, 10 * np.log10(power / (usual + 1e-20)), -99.0)
    peaks = []
    for place in prominent(level, LEAST_PEAK_DB, LEAST_PEAK_DB / 2)[:MOST_PEAKS]:
        # The floor is not flat: the top of the power may be a bin beside that of the level.
        place += int(power[place - 1 : place + 2].argmax()) - 1
        beside = np.log(power[place - 1 : place + 2] + 1e-20)
        offset = vertex(*beside) if len(beside) == 3 else 0.0
        frequency = float(found.frequencies[place] + offset * segments.resolution / PADDING)
        peaks.append(PlacePeak(frequency, float(np.sqrt(power[place])), float(level[place])))
    peaks.sort(key=lambda peak: -peak.amplitude)
    even = peaks and segments.even
    decay = fit_decay(segments.times, along, peaks[0].frequency) if even else None
    return found, peaks, decay
