"""How far chosen regions of a clip move, frame by frame, with their uncertainty."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.damping import Decay, fit_decay
from magnify.analysis.places import LEAST_SIDE, Scale, at_best_texture
from magnify.analysis.recording import UNEVEN, Instant, Progress, Recording
from magnify.analysis.spectra import (
    PADDING,
    Segments,
    Spectra,
    octave_median,
    prominent,
    spectra,
    vertex,
)
from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.motion.copies import CopiedBlocks
from magnify.motion.luma import Levels
from magnify.motion.regions import Region
from magnify.motion.tracking import RegionTracker, State, Tracked
from magnify.video import Picture

Values: TypeAlias = NDArray[np.float64]
Places: TypeAlias = Mapping[str, Region] | Sequence[Region]

HIGH = 0.7
"""Of Nyquist; motion is rarely faster, so what is there is the measurement's own scatter."""
COPIED = 0.5
LEAST_PEAK_DB = 10.0
MOST_PEAKS = 5
LEAST_SPECTRUM = 32
"""Frames from which a spectrum says something."""
MOST_LOST = 0.5


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


@dataclass(frozen=True)
class Measurement:
    """The motion of regions of a clip.

    Attributes:
        times: seconds on the camera's clock: (T,).
        rate: frames per real second, in Hz; `jitter`: how unevenly they come.
        picture: the reference, upright.
        scale: how long a pixel is, where that is known.
    """

    path: Path
    times: Values
    rate: float
    jitter: float
    picture: Picture
    places: list[PlaceMotion]
    scale: Scale | None
    truncated: TruncatedInputError | None


def measure(
    path: str | Path,
    regions: Places,
    *,
    fps: float | None = None,
    sampling_rate: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_frames: int | None = None,
    movable: Iterable[str] = (),
    reference: int = 1,
    axis: float | None = None,
    stabilise_on: Region | None = None,
    scale: Scale | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Measures how far regions of a clip move since its first frame, in one pass over it.

    Args:
        path: a video, a folder of pictures or a printf pattern (these need `fps`).
        regions: in pixels of the upright picture; by name, or named P1, P2, ...
        sampling_rate: frames of the file per real second, in Hz, where the file does not say so.
        movable: names of regions that may move up to 8 px to better texture.
        reference: the mean of so many first frames is what is compared with.
        axis: direction to analyse, in degrees from right, clockwise; the main one by default.
        stabilise_on: take the motion of this region, which should stand still, off everything.

    Raises:
        SettingsError: a value cannot work, or a region has no texture.
        VideoError: the clip cannot be read.
    """
    recording = Recording(
        path, fps=fps, sampling_rate=sampling_rate, start=start, end=end, max_frames=max_frames
    )
    wanted = _wanted(recording, regions, reference)
    if stabilise_on is not None:
        recording.check(stabilise_on, LEAST_SIDE)
    with closing(recording.instants()) as instants:
        begun = list(islice(instants, reference))
        levels: Levels = np.mean([instant.levels for instant in begun], axis=0)
        for name in movable:
            wanted[name] = at_best_texture(levels, wanted[name])
        followed = [*wanted.values(), *([stabilise_on] if stabilise_on else [])]
        trackers = [
            _Follower(name, levels, region, recording.level_step)
            for name, region in zip([*wanted, "the still region"], followed, strict=False)
        ]
        seconds = [
            instant.seconds
            for instant in _told(chain(begun, instants), recording, trackers, progress)
        ]
    times, jitter = recording.clock(np.array(seconds))
    if len(times) < 2:
        raise SettingsError(f"{path}: a single frame has no motion to measure; it needs two")
    still = trackers.pop() if stabilise_on is not None else None
    segments = Segments.of(times, jitter <= UNEVEN)
    places = [follower.motion(segments, axis, still) for follower in trackers]
    return Measurement(
        path=Path(path),
        times=times,
        rate=recording.rate,
        jitter=jitter,
        picture=begun[0].picture,
        places=places,
        scale=scale,
        truncated=recording.clip.truncated,
    )


def check_found(measurement: Measurement) -> None:
    """Checks that no region was lost in most frames.

    Raises:
        VideoError: one was; its results say which frames.
    """
    for place in measurement.places:
        if place.lost > MOST_LOST:
            raise VideoError(
                f"{measurement.path}: {place.name} was lost in {place.lost:.0%} of the frames; "
                "choose a region that stays in sight"
            )


def _wanted(recording: Recording, regions: Places, reference: int) -> dict[str, Region]:
    if not isinstance(regions, Mapping):
        regions = {f"P{number}": region for number, region in enumerate(regions, 1)}
    if not regions:
        raise SettingsError("nothing to measure: give a point, a region or a line")
    if reference < 1:
        raise SettingsError(f"the reference must be the mean of 1 or more frames, not {reference}")
    for region in regions.values():
        recording.check(region, LEAST_SIDE)
    return dict(regions)


def _told(
    instants: Iterable[Instant],
    recording: Recording,
    followers: list["_Follower"],
    progress: Progress | None,
) -> Iterator[Instant]:
    for number, instant in enumerate(instants, 1):
        for follower in followers:
            follower.feed(instant.levels)
        if progress is not None:
            progress("measuring", number, recording.clip.count)
        yield instant


class _Follower:
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
        self, segments: Segments, angle: float | None, still: "_Follower | None"
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
            states=[one.state for one in self.found],
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
        beside = np.log(power[place - 1 : place + 2] + 1e-20)
        offset = vertex(*beside) if len(beside) == 3 else 0.0
        frequency = float(found.frequencies[place] + offset * segments.resolution / PADDING)
        peaks.append(PlacePeak(frequency, float(np.sqrt(power[place])), float(level[place])))
    peaks.sort(key=lambda peak: -peak.amplitude)
    even = peaks and segments.even
    decay = fit_decay(segments.times, along, peaks[0].frequency) if even else None
    return found, peaks, decay
