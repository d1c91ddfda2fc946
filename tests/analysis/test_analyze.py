"""`analyze` on clips whose motion is known: frequencies, amplitudes, places, cautions."""

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from magnify.analysis import Analysis, analyze
from magnify.analysis.spectra import amplitudes_at
from magnify.errors import SettingsError, VideoError
from magnify.motion.regions import Region
from support.moving import filmed, texture, write_lossless

RATE = 60.0


def swaying(
    frames: int, amplitude: float, frequency: float, noise: float = 0.0, size: int = 64
) -> Iterator[NDArray[np.uint8]]:
    """A texture that sways to the right and back."""
    random = np.random.default_rng(2)
    for time in np.arange(frames) / RATE:
        moved = amplitude * np.sin(2 * np.pi * frequency * time)
        yield filmed(texture(moved, 0, (size, size)), noise, random)


def codes(analysis: Analysis) -> set[str]:
    return {caution.code for caution in analysis.cautions}


def warnings(analysis: Analysis) -> set[str]:
    return {caution.code for caution in analysis.cautions if caution.severity == "warning"}


def vector_amplitudes(analysis: Analysis, frequency: float) -> NDArray[np.float64]:
    """Amplitudes (blocks, 2), right and down, of the blocks with texture in both directions."""
    series = analysis.series
    found = amplitudes_at(series.along, analysis.spectra.segments, frequency)[0]
    both = [np.flatnonzero(series.block == block) for block in np.unique(series.block)]
    return np.array(
        [
            np.abs(np.linalg.solve(series.direction[pair], found[pair]))
            for pair in both
            if len(pair) == 2
        ]
    )


@pytest.mark.parametrize(
    ("amplitude", "low", "high"), [(0.01, 0.0085, 0.0115), (0.003, 0.002, 0.004)]
)
def test_a_hundredth_of_a_pixel_is_found_in_noise(
    tmp_path: Path, amplitude: float, low: float, high: float
) -> None:
    clip = write_lossless(tmp_path / "c.mkv", swaying(256, amplitude, 7.3, noise=1), RATE)

    analysis = analyze(clip, block=32)

    strongest = analysis.peaks[0]
    assert strongest.frequency == pytest.approx(7.3, abs=0.05)
    moving, still = np.median(vector_amplitudes(analysis, 7.3), axis=0)
    assert low <= moving <= high
    assert still < 0.0012
    assert np.abs(strongest.shape.main_direction) == pytest.approx((1, 0), abs=0.2)
    assert not warnings(analysis)


def test_a_larger_motion_is_measured_and_a_band_suggested(tmp_path: Path) -> None:
    clip = write_lossless(tmp_path / "the clip.mkv", swaying(128, 0.3, 6.0, noise=0.5), RATE)
    analysis = analyze(clip)
    (peak, *_), (suggestion, *_) = analysis.peaks, analysis.suggestions
    assert peak.frequency == pytest.approx(6, abs=0.05)
    assert peak.amplitude == pytest.approx(0.3, rel=0.03)
    assert peak.whole
    assert suggestion is not None
    assert suggestion.low < 5.5 < 6.5 < suggestion.high
    assert suggestion.alpha == 10
    assert suggestion.command == (
        f"magnify bandpass '{clip}' --low {suggestion.low:.4g} --high {suggestion.high:.4g} "
        "--alpha 10"
    )
    # At the first frame the sine is 0 and rises to the right.
    assert abs(peak.shape.absolute_phase + np.pi / 2) < 0.1
    assert {"sway", "rate"} <= codes(analysis)


def test_what_stands_still_has_no_peak(tmp_path: Path) -> None:
    clip = write_lossless(tmp_path / "c.mkv", swaying(64, 0, 1, noise=1), RATE)
    analysis = analyze(clip)
    assert all(peak.score < 3 and peak.amplitude < 0.02 for peak in analysis.peaks)


def strings(frames: int) -> Iterator[NDArray[np.uint8]]:
    """Two textured strips, above one at 9 Hz, below one at 14 Hz, on a still ground."""
    random = np.random.default_rng(3)
    for time in np.arange(frames) / RATE:
        levels = texture(size=(128, 96), seed=7)
        above, below = (0.2 * np.sin(2 * np.pi * f * time) for f in (9.0, 14.0))
        levels[16:48] = texture(0, above, (128, 96), seed=8)[16:48]
        levels[80:112] = texture(0, below, (128, 96), seed=9)[80:112]
        yield filmed(levels, 1.0, random)


def test_each_of_two_things_is_found_in_its_own_place(tmp_path: Path) -> None:
    clip = write_lossless(tmp_path / "c.mkv", strings(128), RATE)
    analysis = analyze(clip, block=16)
    strongest = sorted(analysis.peaks[:2], key=lambda peak: peak.frequency)
    assert [peak.frequency for peak in strongest] == pytest.approx([9, 14], abs=0.1)
    for peak, (top, bottom) in zip(strongest, ((16, 48), (80, 112)), strict=True):
        y = peak.shape.position[:, 1]
        assert ((y > top - 8) & (y < bottom + 8)).mean() >= 0.9
        assert peak.amplitude == pytest.approx(0.2, rel=0.1)
        assert not peak.whole
        own = (y > top + 8) & (y < bottom - 8)
        assert np.abs(peak.shape.phase[own]).max() < 0.3


def test_the_example_sways_as_its_maker_says() -> None:
    """Up to 0.25 px at 1 Hz on the left, at 4 Hz on the right; H.264 took a part of it."""
    analysis = analyze(Path(__file__).parents[2] / "examples" / "sway.mp4")
    for peak, frequency, (left, right) in zip(
        analysis.peaks[:2], (1, 4), ((60, 150), (190, 280)), strict=True
    ):
        assert peak.frequency == pytest.approx(frequency, abs=0.05)
        assert 0.15 < peak.amplitude < 0.25
        x, y = peak.shape.position.T
        assert ((x > left - 8) & (x < right + 8)).mean() > 0.95
        assert np.corrcoef(peak.shape.amplitude, y)[0, 1] < -0.8  # most at the top
    assert "copied-blocks" in warnings(analysis)


def test_repeated_frames_make_no_false_peak(tmp_path: Path) -> None:
    once = list(swaying(64, 0.3, 5.0, noise=0.5))
    clip = write_lossless(tmp_path / "c.mkv", np.repeat(once, 2, axis=0), 2 * RATE)
    analysis = analyze(clip)
    assert "doubled-frames" in warnings(analysis)
    assert analysis.series.rate == RATE
    assert analysis.peaks[0].frequency == pytest.approx(5, abs=0.1)
    assert all(peak.frequency < 50 for peak in analysis.peaks)


def test_motion_that_an_encoder_removed_is_warned_of(tmp_path: Path) -> None:
    pictures = list(swaying(64, 0.05, 7.3, noise=0.5, size=96))
    options = ("-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1")
    analysis = analyze(write_lossless(tmp_path / "c.mp4", pictures, RATE, *options))
    assert "copied-blocks" in warnings(analysis)
    assert "copied-blocks" not in codes(analyze(write_lossless(tmp_path / "c.mkv", pictures, RATE)))


def uneven(path: Path) -> Path:
    """13 Hz at 30 frames a second, of which every seventh or so is missing, as phones write."""
    random = np.random.default_rng(4)
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width = stream.height = 64
        stream.pix_fmt = "bgr0"
        for number in np.flatnonzero(random.uniform(size=200) > 0.15):
            moved = 0.1 * np.sin(2 * np.pi * 13 * number / 30)
            frame = av.VideoFrame.from_ndarray(filmed(texture(moved, 0, (64, 64))), "rgb24")
            frame.pts, frame.time_base = int(number), Fraction(1, 30)
            container.mux(stream.encode(frame.reformat(format="bgr0")))
        container.mux(stream.encode(None))
    return path


def test_missing_frames_do_not_shift_a_frequency(tmp_path: Path) -> None:
    analysis = analyze(uneven(tmp_path / "c.mkv"))
    assert "uneven" in codes(analysis)
    assert analysis.peaks[0].frequency == pytest.approx(13, abs=0.1)
    assert np.median(vector_amplitudes(analysis, 13), axis=0)[0] == pytest.approx(0.1, rel=0.05)


def test_flicker_is_named_and_is_no_motion(tmp_path: Path) -> None:
    pictures = [
        filmed(texture(size=(64, 64)) * (1 - 0.01 * (1 + np.sin(2 * np.pi * 20 * n / RATE))))
        for n in range(128)
    ]
    analysis = analyze(write_lossless(tmp_path / "c.mkv", pictures, RATE), lowest=3)
    (flicker,) = [caution for caution in analysis.cautions if caution.code == "flicker"]
    assert "at 20.0" in flicker.text or "at 19.9" in flicker.text or "at 20 " in flicker.text
    assert "lights on 50 Hz mains" in flicker.text  # 100 Hz seen 60 times a second
    assert all(peak.amplitude < 0.002 or peak.doubt for peak in analysis.peaks)


def test_the_sampling_rate_sets_the_frequencies(tmp_path: Path) -> None:
    clip = write_lossless(tmp_path / "c.mkv", swaying(64, 0.3, 6.0, noise=0.5), RATE)
    analysis = analyze(clip, sampling_rate=600)
    assert analysis.peaks[0].frequency == pytest.approx(60, abs=0.5)
    assert "rate" not in codes(analysis)
    assert analysis.suggestions[0] is not None
    assert "--sampling-rate 600" in analysis.suggestions[0].command


def test_a_region_that_stands_still_takes_the_camera_off(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pictures = []
    for time in np.arange(96) / RATE:
        camera = 0.3 * np.sin(2 * np.pi * 3 * time)
        levels = texture(camera, 0, (96, 96))
        subject = camera + 0.1 * np.sin(2 * np.pi * 11 * time)
        levels[:, 56:] = texture(subject, 0, (96, 96), seed=1)[:, 56:]
        pictures.append(filmed(levels, 0.5, random))
    clip = write_lossless(tmp_path / "c.mkv", pictures, RATE)
    assert min(peak.frequency for peak in analyze(clip).peaks) == pytest.approx(3, abs=0.1)
    steady = analyze(clip, stabilise_on=Region(0, 0, 48, 96))
    assert steady.peaks[0].frequency == pytest.approx(11, abs=0.1)
    assert np.median(np.abs(amplitudes_at(steady.series.along, steady.spectra.segments, 3))) < 0.01


def test_only_the_region_is_looked_at(tmp_path: Path) -> None:
    clip = write_lossless(tmp_path / "c.mkv", strings(96), RATE)
    analysis = analyze(clip, roi=Region(8, 72, 80, 48))
    assert analysis.peaks[0].frequency == pytest.approx(14, abs=0.1)
    x, y = analysis.series.centres.T
    assert (x.min(), x.max()) > (8, 72 - 8)
    assert y.min() > 72
    assert all(abs(peak.frequency - 9) > 1 for peak in analysis.peaks)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_rate": 0}, "sampling rate must be above 0"),
        ({"roi": Region(0, 0, 65, 20)}, "leaves the picture"),
        ({"roi": Region(0, 0, 7, 20)}, "too small"),
        ({"block": 65}, "do not fit"),
        ({"highest": 31}, "above half the frame rate"),
        (
            {"lowest": 8, "highest": 8},
            "the lowest frequency, 8 Hz, must be below the highest, 8 Hz",
        ),
        ({"lowest": 0.01, "highest": 0.02}, "nothing between"),
        ({"max_frames": 31}, "31 frames are too few"),
        ({"stabilise_on": Region(60, 60, 5, 5)}, "leaves the picture"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    clip = write_lossless(tmp_path / "c.mkv", swaying(40, 0.3, 6.0), RATE)
    with pytest.raises(SettingsError, match=message):
        analyze(clip, **settings)  # type: ignore[arg-type]


def test_a_picture_without_texture_cannot_be_followed(tmp_path: Path) -> None:
    grey = [np.full((64, 64, 3), 80, np.uint8)] * 40
    with pytest.raises(VideoError, match="light, focus and texture"):
        analyze(write_lossless(tmp_path / "c.mkv", grey, RATE))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    once = list(swaying(200, 0.1, 7, noise=0.5))
    most = []
    for times in (1, 10):
        clip = write_lossless(tmp_path / f"{times}.mkv", once * times, RATE)
        tracemalloc.start()
        analyze(clip)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] - most[0] < 40e6


def test_a_magnified_clip_is_told_from_an_original(tmp_path: Path) -> None:
    made = "comment=magnify 1.2.3: static, alpha 20, lbvmm"
    ffv1 = ("-c:v", "ffv1", "-pix_fmt", "bgr0")
    clip = write_lossless(tmp_path / "m.mkv", swaying(40, 0.3, 6.0), RATE, *ffv1, "-metadata", made)
    assert "magnified" in warnings(analyze(clip))
    other = write_lossless(
        tmp_path / "o.mkv", swaying(40, 0.3, 6.0), RATE, *ffv1, "-metadata", "comment=my holiday"
    )
    assert "magnified" not in codes(analyze(other))


def test_the_dark_is_told(tmp_path: Path) -> None:
    dark = ((picture // 12).astype(np.uint8) for picture in swaying(40, 0.5, 6.0))
    assert "dark" in codes(analyze(write_lossless(tmp_path / "d.mkv", dark, RATE)))
