"""From a clip to the frequencies at which something in it moves."""

from dataclasses import dataclass
from pathlib import Path

from magnify.analysis.cautions import Brightness, Caution, doubted, find_cautions
from magnify.analysis.following import read_motion
from magnify.analysis.peaks import Peak, Scores, find_peaks, scores
from magnify.analysis.recording import UNEVEN, Progress, Recording
from magnify.analysis.series import MotionSeries
from magnify.analysis.spectra import Segments, Spectra, spectra
from magnify.analysis.suggestion import Suggestion, suggest
from magnify.errors import SettingsError, TruncatedInputError
from magnify.motion.regions import Region

FIRST_BINS = 1.5
"""Over the duration: below, a frequency cannot be told from a slope."""
PEAKS = 8


@dataclass(frozen=True)
class Analysis:
    """What moves in a clip, how often, how far and where.

    Displacements are in pixels of the upright picture, right and down positive; amplitudes are
    zero to peak.

    Attributes:
        peaks: what moves most first, then harmonics, then what may be no motion.
        suggestions: a band and a factor for each peak; None for what may be no motion.
        cautions: what may mislead; warnings first.
        truncated: the input ended early, and so does the analysis.
    """

    path: Path
    series: MotionSeries
    spectra: Spectra
    scores: Scores
    brightness: Brightness
    peaks: list[Peak]
    suggestions: list[Suggestion | None]
    cautions: list[Caution]
    truncated: TruncatedInputError | None


def analyze(
    path: str | Path,
    *,
    fps: float | None = None,
    sampling_rate: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_frames: int | None = None,
    roi: Region | None = None,
    block: int | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    peaks: int = PEAKS,
    stabilise_on: Region | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Finds the frequencies at which something in a clip moves, in one pass over it.

    Args:
        path: a video, a folder of pictures or a printf pattern (these need `fps`).
        sampling_rate: frames of the file per real second, in Hz, where the file does not say so.
        start, end: seconds from the first frame; frames outside are left out.
        roi: look only there.
        block: side of the blocks in pixels, 8 or more; chosen by the picture's size by default.
        lowest, highest: frequencies in Hz between which peaks are looked for.
        peaks: how many to find at most.
        stabilise_on: take the motion of this region, which should stand still, off everything.

    Raises:
        SettingsError: a value cannot work, or there are fewer than 32 frames.
        VideoError: the clip cannot be read, or has no texture to follow.
    """
    if lowest is not None and highest is not None and lowest >= highest:
        raise SettingsError(
            f"the lowest frequency, {lowest:g} Hz, must be below the highest, {highest:g} Hz"
        )
    recording = Recording(
        path,
        fps=fps,
        sampling_rate=sampling_rate,
        start=start,
        end=end,
        max_frames=max_frames,
    )
    if stabilise_on is not None:
        stabilise_on.check_inside(recording.height, recording.width)
    series = read_motion(recording, roi=roi, block=block, progress=progress)
    if stabilise_on is not None:
        series = series.stabilised(stabilise_on)
    segments = Segments.of(series.times, series.jitter <= UNEVEN)
    low, high = _limits(segments, lowest, highest, series.nyquist)
    found = spectra(series.along, segments, FIRST_BINS * segments.resolution)
    scored = scores(series, found, low, high)
    brightness = Brightness.of(series, segments, FIRST_BINS * segments.resolution)
    marked = doubted(find_peaks(series, found, scored, peaks), series, brightness)
    return Analysis(
        path=Path(path),
        series=series,
        spectra=found,
        scores=scored,
        brightness=brightness,
        peaks=marked,
        suggestions=[
            None
            if peak.doubt
            else suggest(
                peak, marked, Path(path), series.nyquist, fps=fps, sampling_rate=sampling_rate
            )
            for peak in marked
        ],
        cautions=find_cautions(
            series,
            found,
            brightness,
            marked,
            stated=sampling_rate is not None,
            interlaced=recording.info.interlaced,
            comment=recording.info.comment,
        ),
        truncated=recording.clip.truncated,
    )


def _limits(
    segments: Segments, lowest: float | None, highest: float | None, nyquist: float
) -> tuple[float, float]:
    least = FIRST_BINS * segments.resolution
    low = least if lowest is None else max(lowest, least)
    high = nyquist if highest is None else highest
    if high > nyquist:
        raise SettingsError(
            f"{high:g} Hz is above half the frame rate, {nyquist:g} Hz: nothing there can be seen"
        )
    if low >= high:
        raise SettingsError(
            f"there is nothing between {low:.3g} and {high:.3g} Hz: the lowest frequency must be "
            f"below the highest, and {segments.length} frames tell none below {least:.3g} Hz"
        )
    return low, high
