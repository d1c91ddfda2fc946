"""A range of frames by itself equals the same frames of the whole clip."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from magnify.engine.network import Network
from magnify.errors import SettingsError
from magnify.pipeline.clips import ArrayClip, VideoClip
from magnify.pipeline.modes import Acceleration, Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine, load_engine
from magnify.pipeline.ranges import MagnifiedRange, boundary_states, first_boundary, magnified_range
from magnify.pipeline.stream import magnified_frames
from magnify.temporal.operators import Operator
from support.clips import drifting_pattern, write_clip

FRAMES = 26
MODES = {
    "static": Static(),
    "static-3": Static(index=3),
    "static-mean": Static(mean_of=4),
    "dynamic": Dynamic(),
    "butterworth": Bandpass(2, 4, filter="butterworth"),
    "butterworth-1": Bandpass(2, 4, order=1),
    "low-pass": Bandpass(None, 3, filter="butterworth"),
    "high-pass": Bandpass(3, None, filter="butterworth"),
    "diff-iir": Bandpass(2, 4, filter="diff-iir"),
    "coefficients": Bandpass(filter="diff-iir", coefficients=(0.04, 0.4)),
    "fir": Bandpass(2, None, filter="fir"),
    "fir-low-pass": Bandpass(None, 6, filter="fir"),
    "notch": Bandpass(2, 11, filter="butterworth", notch=(5.0,)),
    "attenuate-other": Bandpass(2, 4, filter="butterworth", attenuate_other=True),
    "acceleration": Acceleration(3.0),
    "reach": Acceleration(3.0, reach=0.5),
}
RANGES = [range(0, 7), range(7, 8), range(8, 21), range(21, FRAMES)]


@pytest.fixture(scope="module", params=["lbvmm", "fd4mm"])
def one_of_both(request: pytest.FixtureRequest) -> Engine:
    return load_engine(request.param, "cpu", "fp32")


@pytest.fixture(scope="module")
def riesz() -> Engine:
    return load_engine("riesz", "cpu", "fp32")


@pytest.fixture
def in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "chunk_size", lambda self, height, width: 3)


def clip() -> ArrayClip:
    """Pictures of 16 bits: rounding hides nothing."""
    return ArrayClip(drifting_pattern(FRAMES, 24, 32).astype(np.uint16) * 257, 25)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
@pytest.mark.usefixtures("in_chunks")
def test_ranges_put_together_are_the_whole_clip(one_of_both: Engine, mode: Mode) -> None:
    network = one_of_both.network
    whole = [frame.picture for frame in magnified_frames(clip(), network, mode, 8.0)]
    states = boundary_states(clip(), network, mode, 8.0, [part.start for part in RANGES])
    parts = [
        frame
        for part in RANGES
        for frame in magnified_range(clip(), network, mode, 8.0, part, states[part.start])
    ]
    assert [frame.pts for frame in parts] == list(range(FRAMES))
    difference = np.abs(np.stack([f.picture for f in parts]).astype(int) - np.stack(whole))
    assert difference.max() <= 1e-5 * 65535 + 1  # and a rounding
    assert np.abs(np.stack(whole).astype(int) - clip().pictures).max() > 1000


def test_a_filter_over_the_whole_clip_cannot_be_taken_in_parts(engine: Engine) -> None:
    mode = Bandpass(2, 4, zero_phase=True)
    with pytest.raises(SettingsError, match="cannot take it in parts; use butterworth without"):
        boundary_states(clip(), engine.network, mode, 8.0, [3])


class Phases:
    """Numbers on a circle, of which only differences below half a turn are told."""

    cumulative = True

    def difference(self, shape: Tensor, reference: Tensor) -> Tensor:
        return torch.remainder(shape - reference + torch.pi, 2 * torch.pi) - torch.pi


@pytest.mark.parametrize("name", ["butterworth", "fir"])
def test_phases_that_wrap_are_filtered_as_if_they_did_not(name: str) -> None:
    """A turn and more a second, told from frame to frame; and taken up again in the middle."""
    turning = torch.sin(torch.arange(FRAMES) / 4).reshape(-1, 1, 1, 1) * 9
    wrapped = torch.remainder(turning, 2 * torch.pi)
    mode = MODES[name]
    assert isinstance(mode, Bandpass)
    plain = _fed(_operator(mode), turning)
    assert torch.allclose(_fed(_operator(mode, Phases()), wrapped), plain, atol=1e-4)
    before, after = _operator(mode, Phases()), _operator(mode, Phases())
    back = before.look_back or 0
    before.feed(wrapped[: 12 - back])
    after.restore(before.state())
    motion = _fed(after, wrapped[12 - back :])[back:]
    assert torch.allclose(motion, plain[12:], atol=1e-4)


def test_ranges_weighed_by_anisotropy_are_the_whole_clip() -> None:
    network = load_engine("steerable", "cpu", "fp32").network
    mode = Acceleration(6.0, anisotropy=True)
    whole = [frame.picture for frame in magnified_frames(clip(), network, mode, 8.0)]
    states = boundary_states(clip(), network, mode, 8.0, [part.start for part in RANGES])
    for part in RANGES:
        frames = magnified_range(clip(), network, mode, 8.0, part, states[part.start])
        for number, frame in zip(part, frames, strict=True):
            assert np.abs(frame.picture.astype(int) - whole[number]).max() <= 2


def _operator(mode: Bandpass, differences: Phases | None = None) -> Operator:
    from magnify.temporal.change import PLAIN
    from magnify.temporal.passband import Passband
    from magnify.temporal.settings import select_filter
    from magnify.temporal.spool import Storage

    chosen = select_filter(mode.filter, {})
    return chosen.operator(Passband(mode.low, mode.high, 25), Storage(0), differences or PLAIN)


def _fed(operator: Operator, shape: Tensor) -> Tensor:
    return torch.cat([operator.feed(shape), *operator.flush()])


@pytest.mark.parametrize(
    ("name", "length"), [*((name, 7) for name in MODES), ("static", FRAMES), ("fir", 13)]
)
def test_each_range_hands_over_to_the_next(
    tmp_path: Path, riesz: Engine, name: str, length: int
) -> None:
    """Through a file, in which the reader jumps to where the next range needs it."""
    mode = MODES[name]
    path = write_clip(tmp_path / "clip.mp4", drifting_pattern(FRAMES, 24, 32), 25)
    network = riesz.network
    whole = [frame.picture for frame in magnified_frames(VideoClip(path), network, mode, 8.0)]
    before = first_boundary(VideoClip(path), network, mode, 8.0, lambda message: None)
    parts = []
    while before is not None:
        part = MagnifiedRange(VideoClip(path), network, mode, 8.0, before, length)
        parts += [frame.picture for frame in part.frames()]
        before = part.after
    assert np.abs(np.stack(parts).astype(int) - np.stack(whole)).max() <= 1  # of rounding
