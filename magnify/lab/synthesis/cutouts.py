"""Brings cut-outs to the size that they are drawn at."""

import math
from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor


def padded(pictures: list[Tensor], multiple: int = 1) -> Tensor:
    """Puts pictures (C, ...) into one (B, C, h, w), zero beyond each.

    h and w are multiples of `multiple`.
    """
    height, width = (
        multiple * math.ceil(max(picture.shape[axis] for picture in pictures) / multiple)
        for axis in (1, 2)
    )
    batch = pictures[0].new_zeros(len(pictures), len(pictures[0]), height, width)
    for target, picture in zip(batch, pictures, strict=True):
        target[:, : picture.shape[1], : picture.shape[2]] = picture
    return batch


def premultiplied(cutouts: list[Tensor], often: list[int], at_once: int) -> Iterator[Tensor]:
    """Gives cut-outs as premultiplied RGBA in [0, 1], each halved as often as said.

    Halving first costs a quarter of a wide kernel's work and filters as well.
    """
    for first in range(0, len(cutouts), at_once):
        some = cutouts[first : first + at_once]
        chosen = often[first : first + at_once]
        made: dict[int, Tensor] = {}
        for times in set(chosen):
            members = [i for i, other in enumerate(chosen) if other == times]
            pixels = padded([some[i] for i in members], 2**times) / 255
            pixels[:, :3].mul_(pixels[:, 3:])
            if times > 0:
                pixels = F.avg_pool2d(pixels, 2**times)
            for i, picture in zip(members, pixels, strict=True):
                height, width = halved_size(some[i], times)
                made[i] = picture[:, :height, :width]
        yield from (made[i] for i in range(len(some)))


def halvings(cutout: Tensor, longest: int) -> int:
    """Counts how often a picture can be halved and stay as long as that."""
    times = 0
    while max(halved_size(cutout, times)) >= 2 * longest:
        times += 1
    return times


def halved_size(cutout: Tensor, times: int) -> tuple[int, int]:
    """Gives height and width after so many halvings, each rounded up."""
    height, width = cutout.shape[1:]
    return -(-height // 2**times), -(-width // 2**times)
