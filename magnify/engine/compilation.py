"""Networks compiled by PyTorch: its kernels are fused, for the sizes that occur."""

from collections.abc import Callable

import torch
from torch import Tensor

from magnify.errors import SettingsError

SIZES = 256
"""Sizes of frames and chunks that one process may meet; PyTorch gives up after eight."""


FEWEST = 200
"""Frames of a clip for which it is asked: to time a frame or two takes a percent of its time."""


class CompilationError(SettingsError):
    """Nothing here can compile the network."""


class Compiled:
    """A function of tensors (T, C, h, w) with a common T, compiled when it is first called.

    A batch that is smaller than one before it, such as a clip's last, is filled up with copies of
    its last item: for another size all would be compiled anew.

    Raises:
        CompilationError: when called, nothing here can compile it.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]]) -> None:
        import torch._dynamo as dynamo  # takes a second, and few need it

        dynamo.config.cache_size_limit = SIZES
        self._failure = dynamo.exc.TorchDynamoException
        self._function = torch.compile(function, fullgraph=True, dynamic=False)
        self._largest: dict[torch.Size, int] = {}

    def __call__(self, *batches: Tensor, **settings: float) -> tuple[Tensor, ...]:
        count = len(batches[0])
        item = batches[0].shape[1:]
        whole = max(count, self._largest.get(item, 0))
        try:
            outputs = self._function(*(_filled(batch, whole) for batch in batches), **settings)
        except torch.OutOfMemoryError:
            self._largest.pop(item, None)
            raise
        except self._failure as error:
            reason = " ".join(str(error).partition("\n\n")[0].split())
            raise CompilationError(
                f"cannot compile the network; use --compile off ({reason})"
            ) from error
        self._largest[item] = whole
        return tuple(output[:count] for output in outputs)


def _filled(batch: Tensor, count: int) -> Tensor:
    """(T, C, h, w) → (count, C, h, w), always with the same strides: others are compiled anew."""
    if missing := count - len(batch):
        batch = torch.cat((batch, batch[-1:].expand(missing, -1, -1, -1)))
    return batch.contiguous(memory_format=torch.channels_last)
