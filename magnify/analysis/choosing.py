"""A band and a factor for a clip, where its motion leaves no doubt about them."""

from dataclasses import dataclass

import numpy as np

from magnify.analysis.analyzing import Analysis, analyze
from magnify.analysis.peaks import Peak
from magnify.analysis.recording import Progress
from magnify.analysis.suggestion import Suggestion, factor_for
from magnify.errors import SettingsError
from magnify.motion.regions import Region
from magnify.pipeline.job import WHOLE, Source
from magnify.pipeline.selection import Selection
from magnify.video import probe
from magnify.video.orientation import upright_info

RIVAL = 0.5
"""Of the strongest frequency's motion: another with so much leaves it open which is meant."""

LOUD = 0.95
"""The quantile of what moves that stands for the strongest motion: a few blocks may be wrong."""


@dataclass(frozen=True)
class Choice:
    """What the motion of a clip suggests.

    Attributes:
        amplitude: of the strongest motion, zero to peak, in px.
        alpha: what makes it about 3 px.
    """

    amplitude: float
    alpha: float


def look(
    source: Source,
    selection: Selection,
    *,
    sampling_rate: float | None = None,
    low: float | None = None,
    high: float | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyses what a job would read, where it would magnify.

    Raises:
        SettingsError, VideoError: it cannot be analysed.
    """
    return analyze(
        source.path,
        fps=source.fps,
        sampling_rate=sampling_rate,
        start=source.start,
        end=source.end,
        max_frames=source.max_frames,
        roi=None if selection.roi is None else Region(*selection.roi),
        lowest=low,
        highest=high,
        stabilise_on=_still(source),
        progress=progress,
    )


def _still(source: Source) -> Region | None:
    if source.stabilise is None:
        return None
    if source.stabilise != WHOLE:
        return Region.parse(source.stabilise)
    info = probe(source.path, fps=source.fps)
    shown = info if info.display_matrix is None else upright_info(info)
    return Region(0, 0, shown.width, shown.height)


def strongest(analysis: Analysis) -> tuple[Peak, Suggestion]:
    """The frequency at which most moves, and the band around it.

    Raises:
        SettingsError: nothing stands out, or another frequency has half as much motion.
    """
    sure = [
        (peak, suggestion)
        for peak, suggestion in zip(analysis.peaks, analysis.suggestions, strict=True)
        if suggestion is not None and peak.harmonic_of is None
    ]
    if not sure:
        raise SettingsError(f"{analysis.path}: no frequency stands out; give --low and --high")
    first, *others = sorted(sure, key=lambda one: -one[0].shape.extent)
    rivals = [one for one in others if one[0].shape.extent > RIVAL * first[0].shape.extent]
    if rivals:
        listed = ", ".join(
            f"{suggestion.low:.4g} to {suggestion.high:.4g} ({peak.amplitude:.2g} px)"
            for peak, suggestion in [first, *rivals]
        )
        raise SettingsError(
            f"{analysis.path}: several bands hold as much motion, in Hz: {listed}; "
            "choose one with --low and --high (magnify analyze shows where each of them is)"
        )
    return first


def in_band(analysis: Analysis) -> Choice:
    """How far what moves in the band that was analysed does, and the factor for it.

    Raises:
        SettingsError: nothing stands out there.
    """
    amplitudes = [peak.amplitude for peak in analysis.peaks if peak.doubt is None]
    if not amplitudes:
        raise SettingsError(f"{analysis.path}: no motion stands out in the band; give --alpha")
    return Choice(max(amplitudes), factor_for(max(amplitudes)))


def since_first(analysis: Analysis, *, previous: bool = False) -> Choice:
    """How far the parts of a picture go from where they are in the first frame, or the previous."""
    along = analysis.series.along
    moved = np.diff(along, axis=0) if previous else along - along[0]
    farthest = float(np.quantile(np.abs(moved).max(axis=0), LOUD))
    return Choice(farthest, factor_for(farthest))
