"""What is known of real clips, found again: frequencies, places, and what the files lack."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magnify.analysis import Analysis, analyze, measure
from magnify.analysis.spectra import amplitudes_at
from magnify.motion.regions import Region

SHARED = Path(os.environ.get("MAGNIFY_SHARED", Path(__file__).parents[3] / "shared"))
CLIPS = SHARED / "clips"
MOST_PEAKS = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLIPS.is_dir(), reason=f"no real clips in {CLIPS} (MAGNIFY_SHARED)"),
]


def codes(analysis: Analysis) -> set[str]:
    return {caution.code for caution in analysis.cautions}


def look_at(name: str, **settings: Any) -> Analysis:
    return analyze(CLIPS / name, peaks=MOST_PEAKS, **settings)


def test_the_guitars_strings() -> None:
    analysis = look_at("guitar.mp4", sampling_rate=600)
    strongest = sorted(peak.frequency for peak in analysis.peaks[:3])
    assert strongest == pytest.approx([80.9, 108.5, 143.4], abs=1)
    assert "doubled-frames" not in codes(analysis)
    # The strings run from the upper left to the lower right; the higher the tone, the lower.
    heights = []
    for peak in sorted(analysis.peaks[:3], key=lambda peak: peak.frequency):
        shape = peak.shape
        loud = shape.amplitude > 0.3 * shape.amplitude.max()
        x, y = shape.position[loud].T
        slope, height = np.polyfit(x - 280, y, 1)
        assert 0.03 < slope < 0.25
        heights.append(height)
        assert np.quantile(np.abs(y - (height + slope * (x - 280))), 0.8) < 16
    assert heights == sorted(heights)
    x, y = analysis.series.centres[analysis.series.block].T
    body = np.flatnonzero((x < 110) & (y < 20) | (y > 170) & (x > 120) & (x < 250))
    for peak in analysis.peaks[:3]:
        found = amplitudes_at(
            analysis.series.along[:, body], analysis.spectra.segments, peak.frequency
        )
        assert np.median(np.abs(found)) < 0.01


def test_the_cranes_boom_and_hook() -> None:
    analysis = look_at("crane_crop.mp4")
    assert 0.2 <= analysis.peaks[0].frequency <= 0.28
    assert "doubled-frames" not in codes(analysis)
    regions = {
        "tip": Region(215, 50, 40, 40),
        "middle": Region(165, 130, 40, 40),
        "base": Region(80, 220, 40, 40),
        "building": Region(250, 170, 29, 80),
        "hook": Region(259, 85, 18, 26),
    }
    measurement = measure(CLIPS / "crane_crop.mp4", regions, axis=0)
    segments = analysis.spectra.segments
    found = {
        place.name: amplitudes_at(place.along[:, None], segments, 0.25)[0, 0]
        for place in measurement.places
    }
    for name in ("tip", "middle", "base"):
        assert 0.06 <= abs(found[name]) <= 0.12
    assert abs(found["building"]) < 0.03
    assert abs(found["hook"]) > 0.12
    assert abs(np.angle(found["hook"] / found["middle"])) > 2.5


def test_the_babys_breath() -> None:
    analysis = look_at("baby.mp4")
    assert any(abs(peak.frequency - 0.54) < 0.06 for peak in analysis.peaks[:3])
    assert "doubled-frames" not in codes(analysis)


def test_the_throats_voice() -> None:
    analysis = look_at(
        "throat_voice.mp4", sampling_rate=3800, roi=Region(0, 200, 600, 700), block=32
    )
    assert {"doubled-frames", "flicker"} <= codes(analysis)
    assert analysis.series.rate == 1900
    assert analysis.brightness.line[0] == pytest.approx(120, abs=1)
    assert any(abs(peak.frequency - 103.4) < 3 for peak in analysis.peaks)
    assert all(peak.frequency < 880 for peak in analysis.peaks)


def test_the_shelf_holds_every_frame_twice() -> None:
    analysis = look_at("shelf.mp4")
    assert {"doubled-frames", "copied-blocks"} <= codes(analysis)
    assert analysis.series.rate == 25
    assert analysis.peaks[0].frequency == pytest.approx(0.88, abs=0.05)
    assert all(peak.frequency < 12.5 for peak in analysis.peaks)


def test_the_gun_holds_every_fifth_frame_twice() -> None:
    analysis = look_at("gun.mp4")
    assert analysis.series.repetition is not None
    assert analysis.series.repetition.period == 5
    assert analysis.series.rate == pytest.approx(24 * 1000 / 1001, abs=0.01)


def test_the_camera_shows_how_much_was_copied() -> None:
    analysis = look_at("camera.mp4", sampling_rate=300, max_frames=400)
    assert "copied-blocks" in codes(analysis)
    assert "doubled-frames" not in codes(analysis)
    assert all(not 36 <= peak.frequency <= 62 for peak in analysis.peaks)
