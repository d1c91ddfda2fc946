"""Which band and factor would show a peak: a command line that is ready to run."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from magnify.analysis.peaks import Peak

SHOWN = 3.0
"""Pixels of motion that are seen well."""
LEAST_ALPHA, MOST_ALPHA = 2.0, 100.0
STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
HALF_WIDTH = 0.1
"""Of the frequency."""
BELOW_NYQUIST = 0.95


@dataclass(frozen=True)
class Suggestion:
    """A passband in Hz and a magnification factor.

    `command` is the whole command line, for a shell.
    """

    low: float
    high: float
    alpha: float
    command: str


def suggest(
    peak: Peak,
    peaks: list[Peak],
    path: Path,
    nyquist: float,
    *,
    fps: float | None,
    sampling_rate: float | None,
) -> Suggestion:
    """The band around `peak`, half-way to its neighbours at most, and what makes it 3 px."""
    half = max(HALF_WIDTH * peak.frequency, 2 * peak.resolution)
    low, high = peak.frequency - half, peak.frequency + half
    for other in peaks:
        middle = (peak.frequency + other.frequency) / 2
        if other.frequency < peak.frequency:
            low = max(low, middle)
        elif other.frequency > peak.frequency:
            high = min(high, middle)
    low = max(low, peak.frequency / 4)
    high = min(high, BELOW_NYQUIST * nyquist)
    alpha = factor_for(peak.amplitude)
    words = ["magnify", "bandpass", str(path), "--low", f"{low:.4g}", "--high", f"{high:.4g}"]
    if fps is not None:
        words += ["--fps", f"{fps:g}"]
    if sampling_rate is not None:
        words += ["--sampling-rate", f"{sampling_rate:g}"]
    words += ["--alpha", f"{alpha:g}"]
    return Suggestion(low, high, alpha, shlex.join(words))


def factor_for(amplitude: float) -> float:
    """The round factor, 2 to 100, that makes motion of so many pixels about 3 px."""
    return _rounded(min(max(SHOWN / max(amplitude, 1e-9), LEAST_ALPHA), MOST_ALPHA))


def _rounded(alpha: float) -> float:
    scale = 10.0 if alpha >= 10 else 1.0
    return min((step * scale for step in STEPS), key=lambda rounded: abs(rounded - alpha))
