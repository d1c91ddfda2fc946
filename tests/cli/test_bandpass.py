"""`magnify bandpass` and its mode: the right motion on the right frames, names, errors."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor
from typer.testing import CliRunner, Result

import magnify
from magnify.cli import app
from magnify.engine.network import Network
from magnify.pipeline.modes import Bandpass
from magnify.pipeline.prepare import Engine
from support.clips import drifting_pattern, read_clip, write_clip

FAST = ["--device", "cpu", "--precision", "fp32"]
FRAMES = 21
RATE = 10.0


def invoke(command: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [command, *FAST, *map(str, arguments)])


def bandpass(*arguments: str | Path) -> Result:
    return invoke("bandpass", *arguments)


def swaying_pattern() -> NDArray[np.uint8]:
    phases = 0.4 * np.sin(2 * np.pi * 2 * np.arange(FRAMES) / RATE)
    return np.concatenate([drifting_pattern(2, 24, 32, step)[1:] for step in phases])


def butterworth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    sections = signal.butter(2, [1, 3], "bandpass", fs=RATE, output="sos")
    return signal.sosfilt(sections, x, axis=0)  # the first frame is zero: at rest before


def zero_phase(x: NDArray[np.float64]) -> NDArray[np.float64]:
    sections = signal.butter(2, [1, 3], "bandpass", fs=RATE, output="sos")
    held = np.concatenate([x, x[-1:].repeat(200, 0)])
    return signal.sosfiltfilt(sections, held, axis=0, padlen=0)[: len(x)]


def fir(x: NDArray[np.float64]) -> NDArray[np.float64]:
    taps = signal.firwin(17, [1, 3], pass_zero=False, fs=RATE)
    held = np.concatenate([x[:1].repeat(8, 0), x, x[-1:].repeat(8, 0)])
    return signal.convolve(held, taps[:, None, None, None], mode="valid")


FILTERS = {
    "butterworth": (Bandpass(1, 3, order=2, sampling_rate=RATE), butterworth),
    "fir": (Bandpass(1, 3, filter="fir", taps=17, sampling_rate=RATE), fir),
    "all": (Bandpass(1, 3, filter="fir", taps="all", sampling_rate=RATE), None),
    "zero-phase": (Bandpass(1, 3, order=2, zero_phase=True, sampling_rate=RATE), zero_phase),
}


@pytest.mark.parametrize("chunk", [1, 4, 64])
@pytest.mark.parametrize("name", ["butterworth", "fir", "zero-phase"])
@torch.inference_mode()
def test_each_frame_gets_the_filtered_motion_of_its_own_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str, chunk: int
) -> None:
    mode, reference = FILTERS[name]
    pictures = swaying_pattern()
    model = engine.network.model
    texture, shape = engine.network.encode(torch.from_numpy(pictures))
    change = (shape - shape[:1]).double().numpy()
    motion: Tensor = torch.from_numpy(np.ascontiguousarray(reference(change))).float()
    frames = model.decode(texture, model.manipulate(shape, motion, 5.0, texture))
    expected = ((frames.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).numpy()

    monkeypatch.setattr(Network, "chunk_size", lambda self, height, width: chunk)
    output = magnify.magnify_frames(pictures, alpha=5, mode=mode, weights=engine)
    assert np.abs(output - expected).max() <= 1
    assert np.abs(output.astype(int) - pictures).max() > 10


@pytest.mark.parametrize("name", FILTERS)
def test_clips_of_one_frame_pass_through(engine: Engine, name: str) -> None:
    pictures = drifting_pattern(1, 24, 32)
    output = magnify.magnify_frames(pictures, mode=FILTERS[name][0], weights=engine)
    still = magnify.magnify_frames(pictures, alpha=1, weights=engine)
    assert np.abs(output.astype(int) - still).max() <= 8


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_keeps_every_frame_of_a_file(clip: Path, name: str) -> None:
    mode = FILTERS[name][0]
    options = ["--low", 1, "--high", 3, "--sampling-rate", RATE, "--filter", mode.filter]
    options += ["--taps", mode.taps] if mode.taps else []
    options += ["--order", mode.order] if mode.order else []
    options += ["--zero-phase"] if mode.zero_phase else []
    result = bandpass(clip, *options, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["frames"] == 12
    assert report["mode"]["sampling_rate"] == RATE
    label = {"butterworth": "-butterworth", "zero-phase": "-butterworth-zero"}.get(name, "-fir")
    assert Path(report["output"]).name == f"clip_x20_1-3Hz{label}.mp4"


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        (["--low", "2"], "above2Hz"),
        (["--high", "7.5"], "below7.5Hz"),
        (["--r1", "0.04", "--r2", "0.4", "--filter", "diff-iir"], "r0.04-0.4"),
        (["--band", "tremor"], "4-12Hz"),
        (["--band", "tremor", "--high", "10"], "4-10Hz"),
        (["--band", "tremor", "--attenuate-other"], "4-12Hz-only"),
    ],
    ids=str,
)
def test_the_band_is_in_the_name(clip: Path, arguments: list[str], label: str) -> None:
    result = bandpass(clip, *arguments, "--alpha", "25", "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    assert Path(json.loads(result.stdout)["output"]).name == f"clip_x25_{label}.mp4"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a band needs a low or a high cut-off"),
        (["--low", "3", "--high", "2"], "must be below"),
        (["--low", "3", "--high", "13"], "beyond 12.5 Hz"),
        (["--low", "0"], "low cut-off 0 Hz is not above 0; change it"),
        (["--low", "1", "--sampling-rate", "-4"], "sampling rate"),
        (["--low", "1", "--sampling-rate", "0"], "sampling rate"),
        (["--low", "1", "--memory-budget", "0"], "memory budget must be above 0"),
        (["--low", "1", "--memory-budget", "."], "'.' is no amount of memory"),
        (["--low", "1", "--high", "2", "--filter", "fir", "--taps", "5"], "cannot resolve"),
        (["--low", "1", "--high", "2", "--filter", "fir", "--taps", "8"], "must be odd"),
        (["--low", "1", "--taps", "9", "--order", "2"], "is for the filter"),
        (["--low", "1", "--filter", "butterworth", "--taps", "9"], "is for the filter fir"),
        (["--low", "1", "--order", "99"], "order 99"),
        (["--low", "1", "--attenuate-other", "--alpha", "1"], "an alpha of 1 adds none"),
        (
            ["--r1", "0.1", "--r2", "0.4", "--attenuate-other"],
            "--attenuate-other needs a band in Hz",
        ),
        (["--r1", "0.1"], "--r1 and --r2 go together"),
        (["--band", "wobble"], "unknown band 'wobble'"),
        (["--low", "1", "--taps", "some"], "'some' is no number of taps"),
        (["--low", "1", "--memory-budget", "lots"], "'lots' is no amount of memory"),
        (["--low", "1", "--memory-budget", "4"], "'4' is 4 bytes; write a unit"),
        (["--low", "1", "--model", "linear", "--compile", "on"], "linear is no network"),
        (["--low", "1", "--filter", "fir", "--memory-budget", "10K"], "use --taps all"),
    ],
    ids=str,
)
def test_bands_and_filters_that_cannot_work_are_refused(
    clip: Path, arguments: list[str], message: str
) -> None:
    result = bandpass(clip, *arguments)
    assert result.exit_code == 2, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert message in line
    assert list(clip.parent.iterdir()) == [clip]


def test_a_clip_too_short_for_the_filter_is_warned_of(clip: Path) -> None:
    result = bandpass(clip, "--low", "0.5", "--high", "1", "--dry-run")
    assert result.exit_code == 0
    assert "the clip has 12 frames, but the filter spans" in result.stderr
    result = bandpass(clip, "--low", "0.5", "--high", "1", "--order", "2", "--dry-run")
    assert "the clip has 12 frames, but the filter settles after" in result.stderr


def test_the_filter_is_chosen_by_memory_and_said(clip: Path) -> None:
    band = ["--low", "1", "--high", "3", "--dry-run", "--json"]
    roomy = json.loads(bandpass(clip, *band).stdout)
    assert roomy["mode"]["filter"].startswith("linear-phase FIR, 43 taps")
    assert roomy["job"]["mode"]["filter"] == "fir"
    assert not [notice for notice in roomy["notices"] if "memory" in notice]
    short = json.loads(bandpass(clip, *band, "--memory-budget", "10K").stdout)
    assert short["mode"]["filter"] == "Butterworth of order 3, 1-3 Hz"
    assert short["job"]["mode"]["filter"] == "butterworth"
    assert (
        "in memory, and the budget is 0.0 GB; a butterworth filter is taken" in short["notices"][0]
    )
    assert roomy["output"] == short["output"]


def test_a_bands_own_sampling_rate_is_said(clip: Path) -> None:
    result = bandpass(clip, "--band", "balance", "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert report["mode"]["sampling_rate"] == 300
    said = "taken as recorded at 300 frames a second; the file's own rate is"
    assert any(notice.startswith(said) for notice in report["notices"])


def test_warnings_come_before_the_first_frame(clip: Path) -> None:
    lines = bandpass(clip, "--low", "0.5", "--high", "1").stderr.splitlines()
    (warning,) = [line for line in lines if "the filter spans" in line]
    (progress,) = [line for line in lines if "magnifying" in line]
    assert lines.index(warning) < lines.index(progress)


def test_a_whole_clip_beyond_the_budget_goes_to_disk_and_says_so(clip: Path) -> None:
    arguments = ["--low", "1", "--high", "3", "--filter", "fir", "--taps", "all"]
    within = bandpass(clip, *arguments, "-o", clip.with_name("ram.mkv"), "--lossless")
    assert within.exit_code == 0
    assert "temporary file" not in within.stderr
    beyond = bandpass(
        clip, *arguments, "-o", clip.with_name("disk.mkv"), "--lossless", "--memory-budget", "20K"
    )
    assert beyond.exit_code == 0, beyond.stderr
    assert "temporary file" in beyond.stderr


def test_several_clips_share_one_command(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", drifting_pattern(5, 24, 32))
    result = bandpass(clip, other, tmp_path / "missing.mp4", "--low", "1", "--high", "3")
    assert result.exit_code == 3
    assert (tmp_path / "clip_x20_1-3Hz.mp4").is_file()
    assert (tmp_path / "other_x20_1-3Hz.mp4").is_file()


def test_bands_lists_each_band_with_its_source() -> None:
    text = CliRunner().invoke(app, ["bands"]).stdout
    assert "balance: 1 to 8 Hz, recorded at 300 fps" in text
    listed = json.loads(CliRunner().invoke(app, ["bands", "--json"]).stdout)
    assert all(band["source"] and band["low"] < band["high"] for band in listed.values())


def test_notches_are_named_and_reported(clip: Path) -> None:
    result = invoke("bandpass", clip, "--low", "1", "--notch", "4", "--notch", "6", "--json", "-q")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["mode"]["notch"] == [4, 6]
    assert Path(report["output"]).name == "clip_x20_above1Hz-no4-no6.mp4"


@pytest.mark.parametrize(
    "option",
    [
        [],
        ["--jerk-aware"],
        ["--reach", "0.5"],
        ["--anisotropy", "--model", "steerable"],
        ["--anisotropy", "--jerk-aware", "--model", "steerable", "--pyramid", "octave"],
    ],
    ids=" ".join,
)
def test_acceleration_magnifies_what_sways_around_its_frequency(
    tmp_path: Path, option: list[str]
) -> None:
    source = write_clip(tmp_path / "in.mp4", swaying_pattern(), RATE)
    result = invoke("acceleration", source, "--frequency", "2", "--json", "-q", *option)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["mode"]["name"] == "acceleration"
    before, after = read_clip(source).astype(int), read_clip(Path(report["output"])).astype(int)
    assert np.abs(after - before).max() > 3 * np.abs(before - before[0]).max() / 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing option '--frequency'"),
        (["--frequency", "0"], "the frequency must be above 0 Hz, not 0"),
        (["--frequency", "9"], "9 Hz has 2.8 frames a period at 25 frames a second, and"),
        (["--frequency", "2", "--reach", "0"], "the reach must be above 0 pixels"),
        (["--frequency", "2", "--reach", "1", "--jerk-aware"], "exclude each other"),
        (["--frequency", "2", "--anisotropy"], "leave it out, or use --model steerable"),
        (["--frequency", "2", "--anisotropy", "--model", "riesz"], "riesz does not tell apart"),
    ],
)
def test_an_impossible_acceleration_is_refused(
    clip: Path, options: list[str], message: str
) -> None:
    result = invoke("acceleration", clip, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(list(clip.parent.iterdir())) == 1
