"""A network as it runs: compiled or not, in chunks and tiles, split up when memory ends."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import Literal

import torch
from torch import Tensor

from magnify.engine.choices import Compile
from magnify.engine.compilation import FEWEST, CompilationError, Compiled
from magnify.engine.frames import padded, to_model, to_pictures
from magnify.engine.runtime import (
    Runtime,
    automatic_precision,
    available_memory,
    exact_float32,
)
from magnify.engine.tiles import in_tiles
from magnify.engine.transfer import Download, upload
from magnify.errors import MagnifyError
from magnify.messages import Message, Notify
from magnify.models import MagnificationModel, Texture

USED_MEMORY = 0.8
"""The share of the free memory that one frame may take."""

LARGEST_CHUNK = 16

LEAST_CHANGE = 0.2
"""The least change by a pixel that an element is taken to have, of their root mean square."""

Pass = Callable[..., tuple[Tensor, ...]]
"""A pass through a part of a model: tensors with a common batch axis, to such."""


class Network:
    """A model on its device: pictures in, pictures out, split up when memory ends.

    With `compile` on, PyTorch compiles it for each size of frames that it meets, which takes a
    minute or more; on auto, `prepare` decides for each clip.
    """

    def __init__(
        self, model: MagnificationModel, runtime: Runtime, *, compile: Compile = "off"
    ) -> None:
        self.model = model.eval().to(runtime.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if runtime.precision == "auto":
            runtime = replace(runtime, precision=automatic_precision(model, runtime.device))
        if runtime.precision != "fp32":
            model.reduce_precision(runtime.dtype)
        self.runtime = runtime
        self.compile = compile
        self._compiled_sizes: set[tuple[int, int]] = set()
        self._use(compiled=compile == "on")
        self._largest_part = LARGEST_CHUNK
        self._tile_rows: dict[tuple[int, int], int] = {}

    def _use(self, *, compiled: bool) -> None:
        self.compiled = compiled
        passes: tuple[Pass, Pass, Pass]
        passes = self._compiled_passes if compiled else _passes(self.model)
        self._encode_both, self._encode_shape, self._decode_moved = passes

    @cached_property
    def _compiled_passes(self) -> tuple[Compiled, Compiled, Compiled]:
        both, shape, decode = map(Compiled, _passes(self.model))
        return both, shape, decode

    def prepare(self, height: int, width: int, frames: int | None, notify: Notify) -> None:
        """Settles whether a clip of that size and so many frames passes a compiled network.

        Where that was left to be decided and cannot be done, `notify` is told.
        """
        self._use(compiled=self.repays_compiling(height, width, frames))
        if self.compiled and self.compile == "auto":
            try:
                self._frame_seconds(height, width)
                self._compiled_sizes.add((height, width))
            except CompilationError as error:
                self._use(compiled=False)
                notify(Message(f"{error}; this clip goes on without"))

    def repays_compiling(self, height: int, width: int, frames: int | None) -> bool:
        """Whether `prepare` would compile; on auto, estimated from the time that a frame takes."""
        if self.compile != "auto":
            return self.compile == "on"
        if (height, width) in self._compiled_sizes:
            return True
        gain = self.model.compile_gains.get((self.runtime.device.type, self.runtime.precision))
        if gain is None or frames is None or frames < FEWEST:
            return False
        self._use(compiled=False)  # a former clip of another size may have been compiled
        seconds = min(self._frame_seconds(height, width) for _ in range(2))
        return gain.share * seconds * frames > gain.seconds

    @torch.inference_mode()
    def _frame_seconds(self, height: int, width: int) -> float:
        """How long a frame without content takes, from the CPU and back."""
        picture = torch.zeros(1, height, width, 3, dtype=torch.uint8)
        began = time.perf_counter()
        texture, shape = self.encode(picture)
        motion = self.model.difference(shape, shape)
        Download(self.decode(texture, shape, motion, alpha=1.0, like=picture)).wait()
        return time.perf_counter() - began

    def chunk_size(self, height: int, width: int) -> int:
        """How many frames of that size to run at once: what a quarter of the free memory holds."""
        if self.runtime.device.type != "cuda":
            return 1  # more gains nothing, and less of each frame stays in the cache
        frame = self.model.bytes_per_pixel * height * width
        return int(max(1, min(LARGEST_CHUNK, self._free_memory() // 4 // frame)))

    def shape_bytes(self, height: int, width: int) -> int:
        """The memory that one frame's motion takes, for frames of that size, in float32."""
        rows, columns = padded(height, self.model), padded(width, self.model)
        return self.model.shape_elements(rows, columns) * torch.float32.itemsize

    def encode(self, pictures: Tensor) -> tuple[Texture, Tensor]:
        """Pictures (T, H, W, 3), on any device → texture and shape, on the network's."""
        *texture, shape = self._in_parts(partial(self._encode, self._encode_both), pictures)
        return tuple(texture), shape

    def encode_shape(self, pictures: Tensor) -> Tensor:
        """Pictures (T, H, W, 3), on any device → shape, on the network's."""
        (shape,) = self._in_parts(partial(self._encode, self._encode_shape), pictures)
        return shape

    def change_per_pixel(self, picture: Tensor) -> Tensor:
        """How much each number of a shape changes where the picture moves by a pixel.

        `picture` is (1, H, W, 3). Where the shape has channels, one number for each, (C, 1, 1);
        else one for each element, (1, h, w), of which none is far below the others.
        """
        shape = self.encode_shape(picture)
        squares = torch.zeros(())
        for side in (1, 2):
            moved = self.encode_shape(torch.roll(picture, 1, dims=side))
            squares = squares.to(shape.device) + self.model.difference(moved, shape)[0] ** 2
        if len(squares) > 1:
            return squares.mean(dim=(1, 2), keepdim=True).sqrt()
        change = squares.sqrt()
        return change.clamp(min=LEAST_CHANGE * float(squares.mean().sqrt()))

    def _encode(self, encode: Pass, pictures: Tensor) -> tuple[Tensor, ...]:
        frames = to_model(upload(pictures, self.runtime.device), self.model)
        height, width = frames.shape[-2:]
        return self._in_tiles(encode, (frames,), height, width, number=0)

    def decode(
        self, texture: Texture, shape: Tensor, motion: Tensor, alpha: float, like: Tensor
    ) -> Tensor:
        """What `encode` gave, and the motion → magnified pictures (T, H, W, 3) on the device.

        They have the size and type of the pictures `like`. A GPU may still be computing them.
        """
        height, width = (padded(size, self.model) for size in like.shape[1:3])

        def pictures(*inputs: Tensor) -> tuple[Tensor]:
            decode = partial(self._decode_moved, alpha=alpha)
            (frames,) = self._in_tiles(decode, inputs, height, width, number=1)
            return (to_pictures(frames, like, self.model),)

        (magnified,) = self._in_parts(pictures, shape, motion, *texture)
        return magnified

    def _in_tiles(
        self,
        function: Pass,
        inputs: tuple[Tensor, ...],
        height: int,
        width: int,
        number: Literal[0, 1],
    ) -> tuple[Tensor, ...]:
        """`function` of whole frames, in tiles where memory is short."""
        if (height, width) not in self._tile_rows:
            self._tile_rows[height, width] = self._choose_tile_rows(height, width)
        rows = self._tile_rows[height, width]
        if rows >= height or self.model.stage_radii is None:
            return function(*inputs)
        context = _multiple(self.model.stage_radii[number], self.model.stride)
        return in_tiles(function, inputs, height, rows, context)

    def _choose_tile_rows(self, height: int, width: int) -> int:
        """As many rows as free memory holds, with their context; all of them if it can be."""
        row = self.model.bytes_per_pixel * width
        free = self._free_memory()
        if row * height <= USED_MEMORY * free:
            return height
        rows = 0
        if self.model.stage_radii is not None:
            context = 2 * _multiple(max(self.model.stage_radii), self.model.stride)
            kept = self.model.kept_bytes_per_pixel * height * width
            rows = int(USED_MEMORY * (free - kept)) // row - context
        if rows < self.model.stride:
            raise MagnifyError(
                f"a frame of {width}x{height} needs about {row * height / 1e9:.1f} GB in "
                f"{self.model.name}, and {free / 1e9:.1f} GB of memory are free; use a smaller "
                "video, or free some memory"
            )
        return rows // self.model.stride * self.model.stride

    def _free_memory(self) -> int:
        if self.runtime.device.type == "cuda":
            return torch.cuda.mem_get_info(self.runtime.device)[0]
        return available_memory()

    def _in_parts(self, function: Pass, *batches: Tensor) -> tuple[Tensor, ...]:
        """`function` of tensors that share the batch axis, in halves for as long as memory ends."""
        count = len(batches[0])
        if count <= self._largest_part:
            try:
                with exact_float32(self.runtime.device):
                    return function(*batches)
            except torch.OutOfMemoryError as error:
                if count == 1:
                    raise MagnifyError(
                        f"a single frame does not fit into the memory of {self.runtime.device}; "
                        "use a smaller video, --precision bf16 or --device cpu"
                    ) from error
            torch.cuda.empty_cache()
            self._largest_part = count // 2
        parts = zip(*(torch.split(batch, self._largest_part) for batch in batches), strict=True)
        results = [self._in_parts(function, *part) for part in parts]
        return tuple(torch.cat(outputs) for outputs in zip(*results, strict=True))


def _passes(model: MagnificationModel) -> tuple[Pass, Pass, Pass]:
    """Encoding to texture and shape, to shape alone, and from shape, motion and texture back."""

    def encode(frames: Tensor) -> tuple[Tensor, ...]:
        texture, shape = model.encode(frames)
        return *texture, shape

    def encode_shape(frames: Tensor) -> tuple[Tensor]:
        return (model.encode_shape(frames),)

    def decode(shape: Tensor, motion: Tensor, *texture: Tensor, alpha: float) -> tuple[Tensor]:
        return (model.decode(texture, model.manipulate(shape, motion, alpha, texture)),)

    return encode, encode_shape, decode


def _multiple(size: int, stride: int) -> int:
    """The next multiple of the stride."""
    return -(-size // stride) * stride
