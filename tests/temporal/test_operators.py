"""Streaming equals the whole clip, for every operator and every chunk size."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor

from magnify.temporal import filters
from magnify.temporal.operators import Fir, Iir, Operator, SincePrevious, SinceReference

CHUNKS = [1, 2, 3, 7, 40, 100]


def clip(frames: int = 40) -> Tensor:
    """A random walk, (frames, 2, 3, 5): it starts far from zero, as shapes do."""
    generator = torch.Generator().manual_seed(frames)
    return 5 + torch.randn(frames, 2, 3, 5, generator=generator).cumsum(0)


def stream(operator: Operator, shape: Tensor, chunk: int) -> Tensor:
    """The operator's motion of the whole clip, fed in chunks, held to the contract on the way."""

    def pieces() -> Iterator[Tensor]:
        fed = out = 0
        for piece in shape.split(chunk):
            motion = operator.feed(piece)
            fed, out = fed + len(piece), out + len(motion)
            assert motion.shape[1:] == shape.shape[1:]
            assert motion.dtype == shape.dtype
            assert out == (0 if operator.delay is None else max(0, fed - operator.delay))
            yield motion
        for motion in operator.flush():
            assert len(motion)
            assert motion.dtype == shape.dtype
            yield motion

    return torch.cat(list(pieces()))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_static_is_the_difference_from_the_reference(chunk: int) -> None:
    shape = clip()
    reference = shape[7:8]
    torch.testing.assert_close(stream(SinceReference(reference), shape, chunk), shape - reference)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_dynamic_is_the_difference_from_the_previous_frame(chunk: int) -> None:
    shape = clip()
    expected = torch.diff(shape, dim=0, prepend=shape[:1])
    torch.testing.assert_close(stream(SincePrevious(), shape, chunk), expected, rtol=0, atol=0)


def test_dynamic_keeps_one_frame_only() -> None:
    operator = SincePrevious()
    operator.feed(clip(40))
    assert operator.previous is not None
    assert operator.previous.untyped_storage().nbytes() == 2 * 3 * 5 * 4


SECTIONS = {
    "band-pass": filters.butterworth(0.5, 7.5, 2, 30),
    "steep band-pass": filters.butterworth(1.5, 2.5, 4, 30),
    "low-pass": filters.butterworth(None, 3.0, 3, 30),
    "high-pass": filters.butterworth(3.0, None, 2, 30),
    "difference of IIR": filters.difference_of_iir(0.04, 0.4),
    "first-order low-pass": filters.difference_of_iir(0.0, 0.4),
    "first-order high-pass": filters.difference_of_iir(0.4, 1.0),
}


def whole_clip_iir(sections: NDArray[np.float64], shape: Tensor) -> Tensor:
    """SciPy in float64, in its steady state on the first frame; less the first frame's share."""
    x = shape.double().numpy()
    start = signal.sosfilt_zi(sections)[..., None, None, None] * x[0]
    filtered, _ = signal.sosfilt(sections, x, axis=0, zi=start)
    return torch.from_numpy(filtered - filters.gain_at_zero(sections) * x[:1]).float()


def whole_clip_fir(taps: NDArray[np.float64], shape: Tensor) -> Tensor:
    """SciPy in float64 on the clip with held edges; less the first frame's share."""
    half = len(taps) // 2
    held = np.pad(shape.double().numpy(), ((half, half), (0, 0), (0, 0), (0, 0)), mode="edge")
    filtered = signal.convolve(held, taps[:, None, None, None], mode="valid", method="direct")
    return torch.from_numpy(filtered - taps.sum() * shape[:1].double().numpy()).float()


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("frames", [1, 2, 40])
@pytest.mark.parametrize("kind", SECTIONS)
def test_iir_streams_as_scipy_filters_the_whole_clip(kind: str, frames: int, chunk: int) -> None:
    shape = clip(frames)
    motion = stream(Iir(SECTIONS[kind]), shape, chunk)
    torch.testing.assert_close(motion, whole_clip_iir(SECTIONS[kind], shape), rtol=0, atol=2e-5)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("frames", [1, 2, 5, 40])
@pytest.mark.parametrize(
    ("low", "high", "taps"), [(2.0, 8.0, 21), (None, 5.0, 11), (5.0, None, 11), (2.0, 8.0, 101)]
)
def test_fir_streams_as_scipy_convolves_the_whole_clip(
    low: float | None, high: float | None, taps: int, frames: int, chunk: int
) -> None:
    shape = clip(frames)
    weights = filters.fir(low, high, taps, 30)
    motion = stream(Fir(weights), shape, chunk)
    torch.testing.assert_close(motion, whole_clip_fir(weights, shape), rtol=0, atol=2e-5)


def test_fir_says_how_far_it_lags() -> None:
    assert Fir(np.ones(21)).delay == 10


def test_fir_that_saw_nothing_has_nothing_to_flush() -> None:
    assert list(Fir(np.ones(21)).flush()) == []


@pytest.mark.parametrize(
    "operator", [Iir(SECTIONS["low-pass"]), Fir(filters.fir(None, 5.0, 11, 30))], ids=["iir", "fir"]
)
def test_a_still_clip_has_no_motion_even_below_a_low_pass(operator: Operator) -> None:
    still = torch.full((30, 2, 3, 5), 7.3)
    torch.testing.assert_close(stream(operator, still, 7), torch.zeros(30, 2, 3, 5))


@pytest.mark.parametrize("make", [lambda: Iir(SECTIONS["band-pass"]), lambda: Fir(np.ones(5))])
def test_half_precision_shapes_are_filtered_in_float32(make: Callable[[], Operator]) -> None:
    shape = clip().bfloat16()
    motion = stream(make(), shape, 7)
    exact = stream(make(), shape.float(), 7)
    torch.testing.assert_close(motion, exact.bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize("chunk", [3, 16])
@pytest.mark.parametrize(
    "make", [lambda: Iir(SECTIONS["band-pass"]), lambda: Fir(np.ones(9)), SincePrevious]
)
def test_the_state_does_not_grow_with_the_clip(make: Callable[[], Operator], chunk: int) -> None:
    operator = make()
    sizes = set()
    for piece in clip(96).split(chunk):
        operator.feed(piece)
        sizes.add(state_bytes(operator))
    assert len(sizes) == 1


def state_bytes(operator: Operator) -> int:
    """Bytes that the operator's tensors keep alive, those of its parts included."""
    values = [*vars(operator).values()]
    values += [
        inner for value in values if hasattr(value, "state") for inner in vars(value).values()
    ]
    return sum(v.untyped_storage().nbytes() for v in values if isinstance(v, Tensor))


def test_a_band_far_below_the_rate_keeps_its_precision() -> None:
    """0.04 to 0.06 Hz at 600 frames per second, beside a drift: float32 without float32's noise."""
    sections = filters.butterworth(0.04, 0.06, 2, 600)
    t = torch.arange(30000, dtype=torch.float64) / 600
    shape = (torch.sin(2 * np.pi * 0.049 * t) + 10 * torch.sin(2 * np.pi * 0.001 * t)).float()
    shape = shape[:, None, None, None]
    expected = whole_clip_iir(sections, shape)
    error = (stream(Iir(sections), shape, 1000) - expected).abs().max()
    assert error < 1e-3 * expected.abs().max()
