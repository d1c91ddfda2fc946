"""What may spoil a magnification, told before it is made: a look at the clip's first frames."""

from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from magnify.analysis.analyzing import FIRST_BINS
from magnify.analysis.cautions import COPIED_WARNING, MISSING_BELOW, Brightness
from magnify.analysis.following import LEAST_FRAMES, common_light, means_of_parts
from magnify.analysis.recording import UNEVEN, Recording
from magnify.analysis.spectra import Segments
from magnify.interruption import check
from magnify.messages import Message, counted, warning
from magnify.motion.copies import CELL, CopiedBlocks, find_repetition
from magnify.motion.luma import Levels
from magnify.motion.registration import TextureError
from magnify.motion.steadying import WholeShift
from magnify.pipeline.job import Job
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static

LOOKED_AT = 48
"""Frames: two seconds of most clips."""

REGISTERED = 6
"""Every so many-th frame, and the second, tell how the picture as a whole moves."""

STRAY = 1.0
"""Pixels that a first frame may lie off those behind it."""

CARRIED = 30.0
"""Pixels of magnified motion that a network was trained with; beyond, pictures smear."""


@dataclass(frozen=True)
class Beginning:
    """What the first frames of a clip say.

    Attributes:
        copied: the mean share of textured 8x8 blocks that are copies of the frame before.
        repeats: how many of every so many frames repeat the one before; None if none do.
        flicker: in Hz, and its share of the brightness; None if the light is steady.
        shifts: how far the picture as a whole lies from where it is in the first frame, in pixels:
            of the second frame, then of every sixth, (N, 2). Empty where it has no texture.
    """

    copied: float
    repeats: tuple[int, int] | None
    flicker: tuple[float, float] | None
    shifts: NDArray[np.float64]


def foreseen(job: Job) -> list[Message]:
    """What may spoil the result of a job, one line each, with what can be done about it.

    Raises:
        MagnifyError: the input cannot be read.
    """
    found = _beginning(job)
    cautions = []
    if found.copied > COPIED_WARNING:
        cautions.append(
            f"{found.copied:.0%} of the textured blocks are copies of the frame before: "
            f"compression has removed motion below about {MISSING_BELOW:g} px, for good"
        )
    if found.repeats is not None:
        count, period = found.repeats
        cautions.append(
            f"of every {period} frames the file holds {counted(count, 'repeat')}: "
            "the camera took fewer pictures a second than the file has"
        )
    cautions += _of_the_light(job.mode, found.flicker)
    cautions += _of_the_shown_motion(job, found.shifts)
    return [warning(text) for text in cautions]


def _of_the_light(mode: Mode, flicker: tuple[float, float] | None) -> list[str]:
    """Light that flickers at a frequency that is magnified: it looks like motion."""
    if flicker is None or not isinstance(mode, Bandpass):
        return []
    frequency, share = flicker
    low, high = mode.low or 0.0, mode.high or np.inf
    if mode.coefficients is not None or not low <= frequency <= high:
        return []
    return [
        f"the light flickers by {share:.1%} at about {frequency:.3g} Hz, inside the band; leave it "
        f"out, with another band or --notch {frequency:.3g}"
    ]


def _of_the_shown_motion(job: Job, shifts: NDArray[np.float64]) -> list[str]:
    """Of the picture as a whole, which moves with the camera; a band keeps only some of that."""
    mode = job.mode
    steadied = job.source.stabilise is not None
    if steadied or not len(shifts) or not isinstance(mode, Static | Dynamic):
        return []
    cautions = []
    if isinstance(mode, Dynamic):
        shifts = shifts[:1]  # from the first frame to the second
    elif mode == Static():
        middle = np.median(shifts, axis=0)
        strays = float(np.hypot(*middle))
        if len(shifts) > 2 and strays > STRAY and _farthest(shifts - middle) < strays / 2:
            cautions.append(
                f"the first frame lies {strays:.1f} px off those behind it, and is the reference "
                "of them all; take another: --reference 1"
            )
            shifts = shifts - shifts[0]
    elif mode.index is None:
        shifts = shifts - shifts[0]
    else:
        shifts = shifts - np.median(shifts, axis=0)
    moved = _farthest(shifts)
    shown = job.alpha * moved
    if shown > CARRIED and job.alpha > 1:
        cautions.append(
            f"the picture as a whole moves by {moved:.2g} px, which becomes {shown:.0f} px; "
            f"pictures smear beyond about {CARRIED:.0f}. Hold it still (--stabilise whole), "
            "magnify only a band of frequencies (magnify bandpass), or use --alpha "
            f"{max(CARRIED / moved, 1):.2g}"
        )
    return cautions


def _farthest(shifts: NDArray[np.float64]) -> float:
    return float(np.hypot(*shifts.T).max())


def _beginning(job: Job) -> Beginning:
    source = job.source
    recording = Recording(
        source.path,
        fps=source.fps,
        start=source.start,
        end=source.end,
        max_frames=min(source.max_frames or LOOKED_AT, LOOKED_AT),
        sampling_rate=getattr(job.mode, "sampling_rate", None),
    )
    if min(recording.height, recording.width) < CELL:  # too little to tell anything by
        return Beginning(0.0, None, None, np.zeros((0, 2)))
    copies: CopiedBlocks | None = None
    whole: WholeShift | None = None
    copied, brightness, changes, shifts = [], [0.0], [0.0], []
    parts, seconds = [], []
    before = np.zeros((0, 0), np.float32)
    with closing(recording.instants()) as instants:
        for number, instant in enumerate(islice(instants, LOOKED_AT)):
            check()
            levels = instant.levels
            parts.append(means_of_parts(levels))
            seconds.append(instant.seconds)
            if copies is None:
                copies = CopiedBlocks(levels, recording.level_step)
                with suppress(TextureError):  # too smooth
                    whole = WholeShift(levels)
            else:
                copied.append(copies.feed(levels))
                brightness.append(abs(float(levels.mean() - before.mean())))
                changes.append(float(np.abs(levels - before).mean()))
                if number == 1 or number % REGISTERED == 0:
                    shifts += _shift(whole, levels)
            before = levels
    share = float(np.nanmean(copied)) if copied and not np.isnan(copied).all() else 0.0
    repetition = find_repetition(np.array(brightness), np.array(changes))
    repeats = None if repetition is None else (len(repetition.repeats), repetition.period)
    flicker = _flicker(np.array(parts), np.array(seconds), recording)
    return Beginning(share, repeats, flicker, np.array(shifts).reshape(-1, 2))


def _flicker(
    parts: NDArray[np.float64], seconds: NDArray[np.float64], recording: Recording
) -> tuple[float, float] | None:
    """The frequency and the share of light that flickers; None if it does not, or too few tell."""
    if len(parts) < LEAST_FRAMES or recording.stated_rate is None:
        return None
    times, jitter = recording.clock(seconds)
    segments = Segments.of(times, jitter <= UNEVEN)
    light = Brightness.of_light(common_light(parts), segments, FIRST_BINS * segments.resolution)
    frequency, share, _ = light.line
    return (frequency, share) if light.flickers else None


def _shift(whole: WholeShift | None, levels: Levels) -> list[tuple[float, float]]:
    """How far the picture has moved, in pixels of the clip; nothing where that cannot be told."""
    if whole is None:
        return []
    with suppress(TextureError):  # another scene
        return [whole(levels)]
    return []
