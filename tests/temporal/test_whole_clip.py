"""Filters over all of time equal SciPy's, in RAM and on disk, and leave no file behind."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor

from magnify.errors import VideoError
from magnify.temporal import filters
from magnify.temporal.spool import Spool, Storage
from magnify.temporal.whole_clip import IdealBand, TimeFilter, WholeClip, ZeroPhase

AMPLE = Storage(2**30)
SECTIONS = filters.butterworth(2, 8, 2, 30)


def clip(frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(frames)
    return 5 + torch.randn(frames, 2, 3, 5, generator=generator).cumsum(0)


def stream(operator: WholeClip, shape: Tensor, chunk: int) -> Tensor:
    for piece in shape.split(chunk):
        assert operator.feed(piece).shape == (0, *shape.shape[1:])
    pieces = list(operator.flush())
    assert all(0 < len(piece) <= chunk for piece in pieces)
    return torch.cat(pieces)


def ideal_by_scipy(shape: Tensor, low: float | None, high: float | None) -> Tensor:
    """As many taps as frames, made odd; edges held; relative to the first frame."""
    x = (shape - shape[:1]).double().flatten(1).numpy()
    taps = filters.fir(low, high, len(x) + 1 - len(x) % 2, 30)
    half = len(taps) // 2
    held = np.pad(x, ((half, half), (0, 0)), mode="edge")
    filtered = signal.convolve(held, taps[:, None], mode="valid", method="direct")
    return torch.from_numpy(filtered).float().view(shape.shape)


def zero_phase_by_scipy(shape: Tensor, sections: filters.Coefficients) -> Tensor:
    """sosfiltfilt with padtype="constant", which takes fewer pad frames than there are frames."""
    pad = filters.settling_frames(sections, 1e-3)
    x = np.pad((shape - shape[:1]).double().flatten(1).numpy(), ((pad, pad), (0, 0)), mode="edge")
    filtered = signal.sosfiltfilt(sections, x, axis=0, padtype=None, padlen=0)
    return torch.from_numpy(filtered[pad : len(x) - pad].copy()).float().view(shape.shape)


# Float16 in the spool: 2^-11 of the largest change, twice.
def assert_equal_to_half_precision(motion: Tensor, expected: Tensor, change: Tensor) -> None:
    atol = 2**-10 * float((change - change[:1]).abs().max()) + 1e-6
    torch.testing.assert_close(motion, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 60, 100])
@pytest.mark.parametrize("frames", [1, 2, 5, 60])
@pytest.mark.parametrize(("low", "high"), [(2.0, 8.0), (None, 5.0), (5.0, None)])
def test_the_ideal_band_is_scipys(
    low: float | None, high: float | None, frames: int, chunk: int
) -> None:
    shape = clip(frames)
    motion = stream(WholeClip(IdealBand(low, high, 30), AMPLE), shape, chunk)
    assert_equal_to_half_precision(motion, ideal_by_scipy(shape, low, high), shape)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 60, 100])
@pytest.mark.parametrize("frames", [1, 2, 5, 60])
@pytest.mark.parametrize(("low", "high"), [(2.0, 8.0), (None, 5.0), (5.0, None)])
def test_forward_and_backward_is_scipys(
    low: float | None, high: float | None, frames: int, chunk: int
) -> None:
    sections = filters.butterworth(low, high, 2, 30)
    shape = clip(frames)
    motion = stream(WholeClip(ZeroPhase(sections), AMPLE), shape, chunk)
    assert_equal_to_half_precision(motion, zero_phase_by_scipy(shape, sections), shape)


def test_forward_and_backward_names_scipys_padding() -> None:
    shape = clip(200)
    time_filter = ZeroPhase(SECTIONS)
    expected = signal.sosfiltfilt(
        SECTIONS,
        (shape - shape[:1]).double().flatten(1).numpy(),
        axis=0,
        padtype="constant",
        padlen=time_filter.held_frames,
    )
    motion = time_filter((shape - shape[:1]).flatten(1))
    exact = torch.from_numpy(expected.copy()).float()
    torch.testing.assert_close(motion, exact, rtol=0, atol=1e-4)


FILTERS = [IdealBand(2, 8, 30), ZeroPhase(SECTIONS)]
FRAME = 30 * 2  # bytes: 2 x 3 x 5 values of float16


@pytest.mark.parametrize("time_filter", FILTERS, ids=["ideal", "zero phase"])
@pytest.mark.parametrize("frames_in_ram", [0, 20, 59])
def test_on_disk_is_as_in_ram(time_filter: TimeFilter, frames_in_ram: int, tmp_path: Path) -> None:
    shape = clip(60)
    announced: list[str] = []
    budget = frames_in_ram * FRAME * 4 // 3  # a quarter is kept for filtering
    storage = Storage(budget, tmp_path, announce=announced.append)
    on_disk = stream(WholeClip(time_filter, storage), shape, 7)
    assert torch.equal(on_disk, stream(WholeClip(time_filter, AMPLE), shape, 7))
    assert len(announced) == 1
    assert str(tmp_path) in announced[0]


def test_nothing_is_announced_or_written_within_the_budget(tmp_path: Path) -> None:
    storage = Storage(2**20, tmp_path / "missing", frames=60, announce=pytest.fail)
    stream(WholeClip(FILTERS[0], storage), clip(60), 7)


def test_the_disk_a_known_clip_needs_is_announced_at_its_first_frame(tmp_path: Path) -> None:
    announced: list[str] = []
    storage = Storage(0, tmp_path, frames=10**6, announce=announced.append)
    WholeClip(FILTERS[0], storage).feed(clip(1))
    assert announced == [
        f"filtering over the whole clip: 60 MB go to a temporary file in {tmp_path}"
    ]


def test_a_known_clip_that_the_disk_cannot_hold_is_refused_at_its_first_frame(
    tmp_path: Path,
) -> None:
    operator = WholeClip(FILTERS[0], Storage(0, tmp_path, frames=10**15))
    with pytest.raises(VideoError, match=r"needs .* GB of disk in .*, where .* are free"):
        operator.feed(clip(1))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    operator = WholeClip(FILTERS[0], Storage(0, tmp_path))
    with (
        largest_file(20 * FRAME),
        pytest.raises(VideoError, match=r"File too large after 1 MB; free some space"),
    ):
        stream(operator, clip(60), 7)
    assert list(tmp_path.iterdir()) == []
    assert open_files_in(tmp_path) == 0


def open_files_in(folder: Path) -> int:
    """Files of this process that live in the folder, nameless ones included."""
    targets = []
    for link in Path("/proc/self/fd").iterdir():
        if link.is_symlink():
            targets.append(str(link.readlink()))
    return sum(target.startswith(str(folder)) for target in targets)


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="needs /proc to see nameless open files"
)


@needs_proc
def test_the_file_has_no_name_and_goes_when_the_last_motion_is_out(tmp_path: Path) -> None:
    operator = WholeClip(FILTERS[0], Storage(0, tmp_path))
    operator.feed(clip(20))
    assert list(tmp_path.iterdir()) == []
    assert open_files_in(tmp_path) == 1
    assert len(torch.cat(list(operator.flush()))) == 20
    assert open_files_in(tmp_path) == 0


class Interrupted(TimeFilter):
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def working_frames(self, frames: int) -> int:
        return frames

    def __call__(self, change: Tensor) -> Tensor:
        raise self.error


@needs_proc
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_file_goes_when_filtering_is_cut_off(
    error: type[BaseException], tmp_path: Path
) -> None:
    operator = WholeClip(Interrupted(error), Storage(0, tmp_path))
    operator.feed(clip(20))
    with pytest.raises(error):
        list(operator.flush())
    assert open_files_in(tmp_path) == 0


@needs_proc
def test_the_file_goes_with_an_operator_that_was_given_up(tmp_path: Path) -> None:
    operator = WholeClip(FILTERS[0], Storage(0, tmp_path))
    operator.feed(clip(20))
    del operator
    assert open_files_in(tmp_path) == 0


def test_blocks_keep_to_the_working_memory(tmp_path: Path) -> None:
    widths = []

    class Recorded(IdealBand):
        def __call__(self, change: Tensor) -> Tensor:
            widths.append(change.shape[1])
            return super().__call__(change)

    storage = Storage(1024 * 1024, tmp_path)
    wide = clip(60).repeat(1, 10, 1, 1)
    stream(WholeClip(Recorded(2, 8, 30), storage), wide, 7)
    assert sum(widths) == 300
    assert max(widths) * 4 * 4 * 120 <= storage.working_bytes
    widths.clear()
    stream(WholeClip(Recorded(2, 8, 30), Storage(1, tmp_path)), wide, 7)
    assert len(widths) < 10, "however small the budget"


def test_a_clip_without_frames_has_no_motion() -> None:
    assert list(WholeClip(FILTERS[0], AMPLE).flush()) == []


def test_half_precision_shapes_give_half_precision_motion() -> None:
    motion = stream(WholeClip(FILTERS[0], AMPLE), clip(20).bfloat16(), 7)
    assert motion.dtype == torch.bfloat16


def test_the_spool_reads_back_what_it_was_given(tmp_path: Path) -> None:
    matrix = torch.arange(70, dtype=torch.float16).view(10, 7)
    spool = Spool(7, Storage(4 * 14 * 4 // 3 + 1, tmp_path))
    for frames in matrix.split(3):
        spool.append(frames)
    assert (spool.ram_frames, spool.file_frames) == (4, 6)
    assert torch.equal(spool.read(2, 5), matrix[:, 2:5])
    spool.write(2, -matrix[:, 2:5])
    matrix[:, 2:5] *= -1
    assert torch.equal(torch.cat(list(spool.frames(4))), matrix)
    spool.close()
