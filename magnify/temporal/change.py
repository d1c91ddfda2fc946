"""What has changed since a clip's first frame: the signal that every temporal filter works on."""

from typing import Protocol

import torch
from torch import Tensor

State = dict[str, Tensor]
"""Named tensors that say all an operator has to know of the frames before."""


class Differences(Protocol):
    """How two shapes differ; every model says so (`MagnificationModel`)."""

    @property
    def cumulative(self) -> bool: ...

    def difference(self, shape: Tensor, reference: Tensor, /) -> Tensor: ...


class Plain:
    """Shapes that are numbers: their change is their difference."""

    cumulative = False

    def difference(self, shape: Tensor, reference: Tensor, /) -> Tensor:
        return shape - reference


PLAIN = Plain()


class SinceFirst:
    """Each frame's change since the clip's first frame, in float32.

    For a band-pass or a high-pass, a filter that starts at rest on this change is the filter in its
    steady state on the first frame, without the rounding of a large constant. For a low-pass it
    also takes the first frame itself out of the motion, so that a still scene has none in any band.

    Where differences add up (phases, which wrap), the change is their sum from frame to frame: it
    may then grow beyond what a single difference can tell.
    """

    def __init__(self, differences: Differences = PLAIN) -> None:
        self.differences = differences
        self.anchor: Tensor | None = None
        """The shape that the next difference is taken from: of the first frame, or the last."""
        self.change: Tensor | None = None
        """The change of the last frame, where differences add up."""

    def __call__(self, shape: Tensor) -> Tensor:
        """Shapes (T, C, h, w) of the next frames → their change, (T, C, h, w)."""
        shape = shape.float()
        if self.anchor is None:
            self.anchor = shape[:1].clone()
        if not self.differences.cumulative:
            return self.differences.difference(shape, self.anchor)
        before = torch.cat((self.anchor, shape[:-1]))
        steps = self.differences.difference(shape, before)
        if self.change is not None:
            steps[:1] += self.change
        change = torch.cumsum(steps, dim=0)
        self.anchor, self.change = shape[-1:].clone(), change[-1:].clone()
        return change

    def state(self) -> State:
        state = {"anchor": self.anchor, "change": self.change}
        return {name: tensor.clone() for name, tensor in state.items() if tensor is not None}

    def restore(self, state: State) -> None:
        self.anchor, self.change = state.get("anchor"), state.get("change")
