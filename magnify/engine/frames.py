"""Pictures as videos hold them ⇄ tensors as networks take them: range, padding, cropping, rounding.

Pictures are RGB (T, H, W, 3), uint8 or uint16, over the full range of their type. Model tensors
are (T, 3, H', W') in the network's value range, H' and W' padded to its stride.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from magnify.models import MagnificationModel

FULL_SCALE = {torch.uint8: 255.0, torch.uint16: 65535.0}


def to_model(pictures: Tensor, model: MagnificationModel) -> Tensor:
    """Pictures (T, H, W, 3), uint8 or uint16 → model frames (T, 3, H', W'), float32.

    H' and W' are the next multiples of the model's stride, at least its minimum size; the added
    rows and columns, below and to the right, are reflections of the picture (copies of its edge
    where the picture is too small to reflect).
    """
    low, high = model.value_range
    scale = (high - low) / FULL_SCALE[pictures.dtype]
    frames = pictures.permute(0, 3, 1, 2).to(torch.float32).mul(scale).add(low)
    height, width = (padded(size, model) for size in frames.shape[-2:])
    return _pad(frames, height, width).contiguous(memory_format=torch.channels_last)


def to_pictures(frames: Tensor, like: Tensor, model: MagnificationModel) -> Tensor:
    """Model frames (T, 3, H', W') → pictures (T, H, W, 3) of the size and type of `like`.

    Cropped, clamped and rounded to the nearest level.
    """
    height, width = like.shape[1:3]
    low, high = model.value_range
    full = FULL_SCALE[like.dtype]
    levels = frames[..., :height, :width].to(torch.float32).sub(low).mul(full / (high - low))
    levels = levels.round().clamp(0, full).permute(0, 2, 3, 1)
    # Not every device converts float to uint16 directly; every one knows int32.
    return levels.to(torch.int32).to(like.dtype)


def padded(size: int, model: MagnificationModel) -> int:
    """The size that a side of `size` pixels has inside the network."""
    return max(-(-size // model.stride) * model.stride, model.minimum_size)


def _pad(frames: Tensor, height: int, width: int) -> Tensor:
    missing = height - frames.shape[-2], width - frames.shape[-1]
    reflected = [min(more, size - 1) for more, size in zip(missing, frames.shape[-2:], strict=True)]
    if any(reflected):
        frames = F.pad(frames, (0, reflected[1], 0, reflected[0]), mode="reflect")
    rest = [more - done for more, done in zip(missing, reflected, strict=True)]
    if any(rest):
        frames = F.pad(frames, (0, rest[1], 0, rest[0]), mode="replicate")
    return frames
