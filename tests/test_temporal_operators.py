"""Streaming equals the whole clip, for every operator and every chunk size."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from magnify.temporal.operators import Dynamic, Operator, Static

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
    torch.testing.assert_close(stream(Static(reference), shape, chunk), shape - reference)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_dynamic_is_the_difference_from_the_previous_frame(chunk: int) -> None:
    shape = clip()
    expected = torch.diff(shape, dim=0, prepend=shape[:1])
    torch.testing.assert_close(stream(Dynamic(), shape, chunk), expected, rtol=0, atol=0)


def test_dynamic_keeps_one_frame_only() -> None:
    operator = Dynamic()
    operator.feed(clip(40))
    assert operator.previous is not None
    assert operator.previous.untyped_storage().nbytes() == 2 * 3 * 5 * 4
