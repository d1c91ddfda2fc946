"""Computes a batch's loss and its gradient."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from magnify.lab.synthesis import Pairs
from magnify.lab.training.losses import loss_terms

CLIP = 1.0
"""Longest gradient, in L2 norm."""
WARM_UP = 3
"""Times that a step is computed before it is recorded, for libraries to choose their kernels."""


class Gradients:
    """Computes an objective's terms, and puts their sum's gradient into the parameters.

    A step is thousands of small operations, and to start each from Python takes a GPU longer than
    to compute it. So there they can be recorded once, as a CUDA graph, and are then replayed.
    """

    def __init__(
        self,
        objective: Callable[..., dict[str, Tensor]],
        parameters: list[nn.Parameter],
        precision: Literal["fp32", "bf16"],
        *,
        record: bool,
    ) -> None:
        """Takes an objective, and what it is differentiated by.

        Args:
            objective: an `Objective`, or one in the wrappers that compile or distribute it.
            parameters: those that it is to be differentiated by.
            precision: fp32, or bf16 in an autocast.
            record: replay; needs a GPU, and an objective that neither waits for it nor takes
                anything from the CPU.
        """
        self._objective = objective
        self._parameters = parameters
        self._precision = precision
        self._record = record
        self._recorded: _Recording | None = None

    def __call__(self, pairs: Pairs, early: bool) -> dict[str, Tensor]:
        """Gives the loss, its terms, and the norm of the gradient, which is clipped then.

        All are scalars on the device, and overwritten by the next call. `early` is the objective's
        state: another one is another computation.
        """
        if not self._record:
            return self.compute(pairs)
        key = (early, tuple(value.shape for value in vars(pairs).values()))
        if self._recorded is None or self._recorded.key != key:
            self._recorded = None  # its memory goes first
            self._recorded = _Recording(self.compute, pairs, key)
        return self._recorded.replay(pairs)

    def compute(self, pairs: Pairs) -> dict[str, Tensor]:
        for parameter in self._parameters:
            parameter.grad = None
        with self._autocast(pairs.alpha.device):
            terms = loss_terms(self._objective, pairs)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, CLIP)
        values = {"loss": loss, **terms, "gradient": norm}
        return {name: value.detach() for name, value in values.items()}

    def _autocast(self, device: torch.device) -> AbstractContextManager[object]:
        if self._precision == "fp32":
            return nullcontext()
        return torch.autocast(device.type, torch.bfloat16)


class _Recording:
    """A computation on fixed memory, as a CUDA graph."""

    def __init__(
        self, compute: Callable[[Pairs], dict[str, Tensor]], pairs: Pairs, key: object
    ) -> None:
        self.key = key
        self._inputs = Pairs(*(value.clone() for value in vars(pairs).values()))
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                compute(self._inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = compute(self._inputs)

    def replay(self, pairs: Pairs) -> dict[str, Tensor]:
        fixed, given = vars(self._inputs).values(), vars(pairs).values()
        for there, value in zip(fixed, given, strict=True):
            there.copy_(value)
        self._graph.replay()
        return self._outputs
