"""How far chosen regions of a clip move, frame by frame, with their uncertainty."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.place_motion import Follower, PlaceMotion
from magnify.analysis.places import LEAST_SIDE, Scale, at_best_texture
from magnify.analysis.recording import UNEVEN, Instant, Progress, Recording
from magnify.analysis.spectra import Segments
from magnify.errors import SettingsError, TruncatedInputError, VideoError
from magnify.motion.luma import Levels
from magnify.motion.regions import Region
from magnify.video import Picture

Values: TypeAlias = NDArray[np.float64]
Places: TypeAlias = Mapping[str, Region] | Sequence[Region]

MOST_LOST = 0.5


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
            Follower(name, levels, region, recording.level_step)
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
    followers: list["Follower"],
    progress: Progress | None,
) -> Iterator[Instant]:
    for number, instant in enumerate(instants, 1):
        for follower in followers:
            follower.feed(instant.levels)
        if progress is not None:
            progress("measuring", number, recording.clip.count)
        yield instant
