"""Frames → magnified frames, and files → files, through the public API."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import magnify
from magnify.checkpoints import BUILT_IN
from magnify.engine.network import Network
from magnify.pipeline.prepare import Engine
from magnify.video import VideoReader, VideoWriter
from support.clips import drifting_pattern, read_clip


def psnr(one: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    peak = np.iinfo(one.dtype).max
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(peak**2 / error))


def column_shift(frame: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Least-squares shift to the right in pixels, of pictures that differ by little else."""
    fixed, moved = reference.astype(float), frame.astype(float)
    slope = (np.gradient(fixed, axis=1) + np.gradient(moved, axis=1)) / 2
    inner = np.s_[8:-8, 8:-8]
    return float(np.sum(slope[inner] * (fixed - moved)[inner]) / np.sum(slope[inner] ** 2))


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (7, 9), (17, 33), (40, 48)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_size_and_type_are_kept(
    engine: Engine, size: tuple[int, int], dtype: type[np.unsignedinteger]
) -> None:
    pictures = np.full((2, *size, 3), np.iinfo(dtype).max // 2, dtype)
    output = magnify.magnify_frames(pictures, weights=engine)
    assert output.shape == pictures.shape
    assert output.dtype == dtype


def test_static_mode_magnifies_the_motion_since_the_first_frame(engine: Engine) -> None:
    pictures = drifting_pattern(3, 64, 64, step=0.1)
    output = magnify.magnify_frames(pictures, alpha=10, weights=engine)
    assert column_shift(output[2], pictures[0]) == pytest.approx(2.0, rel=0.25)


@pytest.mark.parametrize("weights", BUILT_IN)
def test_each_built_in_network_magnifies_by_alpha(weights: str) -> None:
    pictures = drifting_pattern(2, 96, 96, step=0.5)
    _, output = magnify.magnify_frames(
        pictures, alpha=10, weights=weights, device="cpu", precision="fp32"
    )
    # The pattern repeats: what is near the truth is measured from the truth, not from the start.
    truth = drifting_pattern(2, 96, 96, step=5.0)[1]
    inner = np.s_[12:-12, 12:-12]
    error, motion = (
        np.abs(picture[inner].astype(float) - truth[inner]).mean()
        for picture in (output, pictures[1])
    )
    assert error < motion / 4
    assert 5.0 + column_shift(output, truth) == pytest.approx(5.0, rel=0.15)
    turned = (picture.transpose(1, 0, 2) for picture in (output, truth))
    assert column_shift(*turned) == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("step", [0.2, 1.0])
def test_factors_below_one_attenuate(alpha: float, step: float) -> None:
    pictures = drifting_pattern(2, 96, 96, step=step)
    _, output = magnify.magnify_frames(pictures, alpha=alpha, device="cpu", precision="fp32")
    assert column_shift(output, pictures[0]) == pytest.approx(alpha * step, abs=0.05)


def test_warnings_of_the_mode_are_told(engine: Engine) -> None:
    told: list[str] = []
    mode = magnify.Bandpass(low=1, high=3, sampling_rate=60)
    magnify.magnify_frames(
        drifting_pattern(3, 24, 32), mode=mode, weights=engine, fps=30, notify=told.append
    )
    assert [line[:24] for line in told] == ["the clip has 3 frames, b", "taken as recorded at 60 "]


def test_dynamic_mode_magnifies_the_motion_since_the_previous_frame(engine: Engine) -> None:
    pictures = drifting_pattern(3, 64, 64, step=0.1)
    output = magnify.magnify_frames(pictures, alpha=10, mode=magnify.Dynamic(), weights=engine)
    assert column_shift(output[2], pictures[1]) == pytest.approx(1.0, rel=0.25)


def test_any_frame_can_be_the_reference(engine: Engine) -> None:
    pictures = drifting_pattern(3, 64, 64, step=0.1)
    output = magnify.magnify_frames(
        pictures, alpha=10, mode=magnify.Static(index=2), weights=engine
    )
    assert column_shift(output[0], pictures[2]) == pytest.approx(-2.0, rel=0.25)


def test_the_mean_of_frames_can_be_the_reference(engine: Engine) -> None:
    pictures = drifting_pattern(3, 64, 64, step=0.1)
    output = magnify.magnify_frames(
        pictures, alpha=10, mode=magnify.Static(mean_of=3), weights=engine
    )
    # The mean frame lies where the middle one does.
    assert column_shift(output[2], pictures[1]) == pytest.approx(1.0, rel=0.25)


def test_factor_one_leaves_the_pictures_as_they_are(engine: Engine) -> None:
    pictures = drifting_pattern(3, 64, 64)
    assert psnr(magnify.magnify_frames(pictures, alpha=1, weights=engine), pictures) > 30


def test_deep_pictures_are_finer_than_shallow_ones(engine: Engine) -> None:
    pictures = drifting_pattern(2, 40, 48)
    shallow = magnify.magnify_frames(pictures, weights=engine)
    deep = magnify.magnify_frames(pictures.astype(np.uint16) * 257, weights=engine)
    assert np.abs(deep / 257 - shallow).max() <= 0.51
    assert len(np.unique(deep)) > 256


@pytest.mark.parametrize("mode", [magnify.Static(), magnify.Dynamic()])
@pytest.mark.parametrize("size", [2, 3, 16])
def test_the_chunk_size_changes_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, mode: magnify.Static, size: int
) -> None:
    pictures = drifting_pattern(5, 24, 32)
    whole = magnify.magnify_frames(pictures, mode=mode, weights=engine)
    monkeypatch.setattr(Network, "chunk_size", lambda self, height, width: size)
    chunked = magnify.magnify_frames(pictures, mode=mode, weights=engine)
    assert np.abs(whole.astype(int) - chunked).max() <= 1


def run_out_of_memory_above(frames: int, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def limited(texture: tuple[Tensor, ...], shape: Tensor) -> Tensor:
        if len(shape) > frames:
            raise torch.OutOfMemoryError
        return function(texture, shape)

    return limited


def test_too_large_chunks_are_halved_when_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = drifting_pattern(7, 24, 32)
    engine = magnify.load_engine(device="cpu", precision="fp32")
    whole = magnify.magnify_frames(pictures, weights=engine)
    monkeypatch.setattr(Network, "chunk_size", lambda self, height, width: 7)
    model = engine.network.model
    monkeypatch.setattr(model, "decode", run_out_of_memory_above(2, model.decode))
    halved = magnify.magnify_frames(pictures, weights=engine)
    assert np.abs(whole.astype(int) - halved).max() <= 1


def test_a_single_frame_beyond_memory_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = magnify.load_engine(device="cpu")
    model = engine.network.model
    monkeypatch.setattr(model, "decode", run_out_of_memory_above(0, model.decode))
    with pytest.raises(magnify.MagnifyError, match="single frame does not fit"):
        magnify.magnify_frames(drifting_pattern(1, 24, 32), weights=engine)


@pytest.mark.parametrize("alpha", [-1, float("nan"), float("inf")])
def test_factors_that_mean_nothing_are_refused(engine: Engine, alpha: float) -> None:
    with pytest.raises(magnify.SettingsError, match="alpha"):
        magnify.magnify_frames(drifting_pattern(1, 24, 32), alpha=alpha, weights=engine)


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((4, 8, 8), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(
    engine: Engine, pictures: NDArray[np.uint8]
) -> None:
    with pytest.raises(magnify.SettingsError, match="pictures must"):
        magnify.magnify_frames(pictures, weights=engine)


def test_a_reference_beyond_the_clip_is_refused(engine: Engine) -> None:
    with pytest.raises(magnify.SettingsError, match="the clip has 3 frames"):
        magnify.magnify_frames(
            drifting_pattern(3, 24, 32), mode=magnify.Static(index=3), weights=engine
        )


def test_devices_that_do_not_exist_are_refused() -> None:
    with pytest.raises(magnify.SettingsError, match="unknown device 'toaster'"):
        magnify.load_engine(device="toaster")
    with pytest.raises(magnify.SettingsError, match="cuda:99"):
        magnify.load_engine(device="cuda:99")


def test_a_lossless_file_holds_exactly_what_the_network_gave(
    engine: Engine, clip: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.mkv"
    report = magnify.magnify_video(
        clip, output, weights=engine, encoding=magnify.Encoding(lossless=True)
    )
    assert report.frames == 12
    with VideoReader(clip) as reader:
        pictures = np.stack([frame.picture for frame in reader])
    assert np.array_equal(read_clip(output), magnify.magnify_frames(pictures, weights=engine))


@pytest.mark.parametrize("failing", ["encode", "manipulate", "decode", "encode_shape"])
def test_a_failure_half_way_leaves_no_file(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    engine = magnify.load_engine(device="cpu")

    def fail(*arguments: object) -> None:
        raise RuntimeError("half way")

    monkeypatch.setattr(engine.network.model, failing, fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="half way") as caught:
        magnify.magnify_video(clip, tmp_path / "out.mp4", weights=engine, mode=magnify.Static(1))
    assert caught.traceback  # which is alive, and keeps nothing else so
    assert sorted(tmp_path.iterdir()) == before
    assert not {"decode", "encode"} & {thread.name for thread in threading.enumerate()}


def test_a_failing_writer_ends_the_run(
    engine: Engine, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: VideoWriter, frame: object) -> None:
        raise magnify.VideoError("no room left")

    monkeypatch.setattr(VideoWriter, "write", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(magnify.VideoError, match="no room left"):
        magnify.magnify_video(clip, tmp_path / "out.mp4", weights=engine)
    assert sorted(tmp_path.iterdir()) == before
    assert not {"decode", "encode"} & {thread.name for thread in threading.enumerate()}
