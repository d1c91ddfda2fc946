"""A mode is one small stateful operator: shape representations in, their motion out.

Streaming equals whole-clip processing for every chunk size.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor


class Operator(ABC):
    """Turns a clip's shape representations, chunk by chunk, into their motion.

    Shapes are (T, C, h, w), T consecutive frames of any number; the motion has the same device
    and dtype. Every frame fed gives exactly one frame of motion, in order: `feed` returns those
    that are ready, `flush` the rest. An operator serves one clip; after `flush` it is spent.

    `delay` is how many frames the motion lags: once k frames are fed, k - delay are out (none
    before). The caller keeps what `manipulate` and `decode` need of the frames in flight. None
    means the whole clip: `feed` returns no motion, and the caller reads the video a second time
    beside `flush` instead of keeping its frames.
    """

    delay: int | None = 0

    @abstractmethod
    def feed(self, shape: Tensor) -> Tensor:
        """Shape (T, C, h, w) → motion (T', C, h, w) of the next T' >= 0 frames."""

    def flush(self) -> Iterator[Tensor]:
        """The motion of the frames not yet returned, in chunks (T', C, h, w) with T' >= 1."""
        return iter(())


class Static(Operator):
    """Motion since one reference: shape - reference.

    `reference` (1, C, h, w) is the shape of the first frame, of any other, or a mean of frames.
    """

    def __init__(self, reference: Tensor) -> None:
        self.reference = reference

    def feed(self, shape: Tensor) -> Tensor:
        return shape - self.reference


class Dynamic(Operator):
    """Motion since the previous frame; the first frame, having none, does not move."""

    def __init__(self) -> None:
        self.previous: Tensor | None = None

    def feed(self, shape: Tensor) -> Tensor:
        motion = shape.clone()
        motion[1:] -= shape[:-1]
        motion[:1] -= shape[:1] if self.previous is None else self.previous
        if len(shape):
            self.previous = shape[-1:].clone()
        return motion
