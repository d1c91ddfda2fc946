"""Clips of the same scene shown together, as one video: before and after, or two methods."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import ndimage

from magnify.analysis.panels import above, as_depth, beside, labelled
from magnify.analysis.recording import Progress, Recording
from magnify.errors import SettingsError
from magnify.motion.regions import Region
from magnify.version import __version__
from magnify.video import Picture, VideoInfo, VideoWriter

Layout: TypeAlias = Literal["side", "stack", "difference", "wipe"]
TWO_ONLY = ("difference", "wipe")
GAIN = 8.0
SWEEP = 6.0
"""Seconds in which the line of a wipe goes to the right and back."""
MIDDLE = 128


@dataclass(frozen=True)
class Comparison:
    """How clips are shown together.

    Attributes:
        layout: "side" by side; "stack", one above the other; "difference", grey 128 plus `gain`
            times the second minus the first; "wipe", the first to the left of a line that sweeps,
            the second to the right.
        labels: one for each clip, shown above it; None for none.
        roi: the part of each picture that is shown.
        resize: make all pictures as large as the first clip's.

    Raises:
        SettingsError: the gain is not above 0.
    """

    layout: Layout = "side"
    gain: float = GAIN
    labels: tuple[str, ...] | None = None
    roi: Region | None = None
    resize: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.gain < float("inf"):
            raise SettingsError(f"the gain must be above 0, not {self.gain:g}")


def compare(
    recordings: Sequence[Recording],
    output: Path,
    comparison: Comparison,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
) -> int:
    """Writes a video of several clips together; how many frames it has.

    It has the frames, times and sound of the first clip; of the others, each shows the frame that
    is nearest in time. `notify` is told what of the first clip cannot be kept.

    Raises:
        SettingsError: the clips do not go together.
        VideoError: one cannot be read, or the output cannot be written.
    """
    _check(recordings, comparison, output)
    info = _info(recordings[0], comparison, len(recordings))
    count = 0
    with ExitStack() as stack:
        frames = stack.enter_context(closing(recordings[0].frames()))
        others = [stack.enter_context(closing(_nearest(other))) for other in recordings[1:]]
        for other in others:
            next(other)
        names = ", ".join(recording.path.name for recording in recordings)
        made = {"comment": f"magnify {__version__}: compare {comparison.layout}, {names}"}
        writer = stack.enter_context(VideoWriter(output, info, overwrite=overwrite, metadata=made))
        for seconds, frame in frames:
            pictures = [frame.picture, *(other.send(seconds) for other in others)]
            writer.write(replace(frame, picture=_shown(pictures, seconds, comparison)))
            count += 1
            if progress is not None:
                progress("comparing", count, recordings[0].clip.count)
    if notify is not None:
        for notice in writer.notices:
            notify(notice)
    return count


def _check(recordings: Sequence[Recording], comparison: Comparison, output: Path) -> None:
    if len(recordings) < 2:
        raise SettingsError("there is nothing to compare: give two clips or more")
    if comparison.layout in TWO_ONLY and len(recordings) > 2:
        raise SettingsError(f"the layout {comparison.layout} shows two clips, not more")
    first, *others = recordings
    for place, other in enumerate(others, 1):
        if output.exists() and other.path.exists() and output.samefile(other.path):
            raise SettingsError(f"{output}: is one of the inputs; choose another output")
        for earlier in recordings[:place]:
            if other.path.exists() and other.path.samefile(earlier.path):
                raise SettingsError(f"{other.path}: is compared with itself; give another clip")
        if (other.height, other.width) != (first.height, first.width) and not comparison.resize:
            raise SettingsError(
                f"{other.path} is {other.width}x{other.height}, {first.path} "
                f"{first.width}x{first.height}: use --resize to bring them to one size"
            )
    if comparison.roi is not None:
        first.check(comparison.roi, 2)


def _info(first: Recording, comparison: Comparison, clips: int) -> VideoInfo:
    """What the output is: the first clip with pictures of another size."""
    kind = np.dtype(np.uint8 if first.info.bit_depth == 8 else np.uint16)
    blank: Any = np.zeros((first.height, first.width, 3), kind)
    height, width = _shown([blank] * clips, 0.0, comparison).shape[:2]
    return replace(first.info, height=height, width=width)


def _nearest(recording: Recording) -> Generator[Picture, float, None]:
    """Sent a time in seconds, it gives the picture that is nearest; times must not go back."""
    picture: Any = None
    with closing(recording.frames()) as frames:
        earlier_time, earlier = next(frames)
        later_time, later = earlier_time, earlier
        asked = yield picture
        while True:
            while later_time < asked:
                following = next(frames, None)
                if following is None:
                    earlier_time, earlier = later_time, later
                    break
                earlier_time, earlier = later_time, later
                later_time, later = following
            nearer = later if later_time - asked < asked - earlier_time else earlier
            asked = yield nearer.picture


def _shown(pictures: list[Picture], seconds: float, comparison: Comparison) -> Picture:
    first = pictures[0]
    height, width = first.shape[:2]
    pictures = [_resized(as_depth(one, first.dtype), height, width) for one in pictures]
    if comparison.roi is not None:
        pictures = [comparison.roi.cut(one[None])[0] for one in pictures]
        first = pictures[0]
    labels = comparison.labels
    if comparison.layout in ("side", "stack"):
        if labels is not None:
            pictures = [labelled(one, text) for one, text in zip(pictures, labels, strict=True)]
        join: Callable[[Sequence[Picture]], Picture]
        join = beside if comparison.layout == "side" else above
        return join(pictures)
    if comparison.layout == "difference":
        shown = _difference(first, pictures[1], comparison.gain)
        text = "{1} - {0}"
    else:
        shown = _wipe(first, pictures[1], seconds)
        text = "{0} | {1}"
    return shown if labels is None else labelled(shown, text.format(*labels))


def _resized(picture: Picture, height: int, width: int) -> Picture:
    if picture.shape[:2] == (height, width):
        return picture
    factors = height / picture.shape[0], width / picture.shape[1], 1
    zoomed = ndimage.zoom(picture.astype(float), factors, order=1, grid_mode=True, mode="nearest")
    resized: Picture = np.rint(zoomed).astype(picture.dtype)
    return resized


def _difference(first: Picture, second: Picture, gain: float) -> Picture:
    most = np.iinfo(first.dtype).max
    middle = MIDDLE * most / 255
    change = middle + gain * (second.astype(float) - first.astype(float))
    difference: Picture = np.rint(change).clip(0, most).astype(first.dtype)
    return difference


def _wipe(first: Picture, second: Picture, seconds: float) -> Picture:
    width = first.shape[1]
    # To the right and back, from the middle on.
    phase = (seconds / SWEEP + 0.25) % 1
    line = round((1 - abs(2 * phase - 1)) * (width - 1))
    shown = second.copy()
    shown[:, :line] = first[:, :line]
    shown[:, line] = np.iinfo(first.dtype).max
    return shown
