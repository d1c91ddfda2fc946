"""A block-transform video codec in a few lines of tensor algebra: 4:2:0, 8x8 DCT, quantisation.

Not any standard's bit stream, but its losses: coarse chroma, dropped high frequencies, block-wise
offsets, and still blocks copied from the frame before.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

BLOCK = 8


def compress(
    frames: list[Tensor], step: Tensor, generator: Generator, choices: Generator
) -> list[Tensor]:
    """A round trip through the codec.

    Args:
        frames: each (B, 3, H, W) in [0, 1]. The first is coded by itself; in half of the scenes
            each block of the others may be predicted from the first.
        step: (B,), the luma coefficients' quantisation step in levels of 255.
        generator: on the frames' device.
        choices: on the CPU; may be `generator`.

    Returns:
        The decoded frames, not clamped.
    """
    height, width = frames[0].shape[2:]
    device = frames[0].device

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(step), generator=generator, device=device)

    top, left = torch.randint(2 * BLOCK, (2,), generator=choices).tolist()
    pad = (left, -(left + width) % (2 * BLOCK), top, -(top + height) % (2 * BLOCK))
    ramp = uniform(0.0, 0.5)
    steps = (
        quantisation(step, ramp),
        quantisation(step * uniform(0.7, 2.0), ramp),
    )
    predicted = uniform(0, 1) < 0.5
    upsampling = "nearest" if torch.rand((), generator=choices) < 0.3 else "bilinear"
    first: list[Tensor] = []
    decoded = []
    for frame in frames:
        ycbcr = F.pad(to_ycbcr(frame), pad, mode="replicate")
        planes = [ycbcr[:, :1], F.avg_pool2d(ycbcr[:, 1:], 2)]
        coded = [
            code(plane, plane_step, first[i] if first else None, predicted)
            for i, (plane, plane_step) in enumerate(zip(planes, steps, strict=True))
        ]
        first = first or coded
        chroma = F.interpolate(coded[1], scale_factor=2, mode=upsampling)
        ycbcr = torch.cat((coded[0], chroma), dim=1)
        decoded.append(from_ycbcr(ycbcr[..., top : top + height, left : left + width]))
    return decoded


def code(plane: Tensor, step: Tensor, first: Tensor | None, predicted: Tensor) -> Tensor:
    """Quantises the DCT of each 8x8 block of (B, C, H, W), or of its difference from `first`.

    Args:
        step: (B, 1, 1, 8, 1, 8).
        first: the decoded first frame's plane; a block whose scene is `predicted` (B,) codes its
            difference from it where that has less energy.
    """
    coefficients = transform(plane)
    if first is None:
        return restore(quantise(coefficients, step, 1 / 3))
    reference = transform(first)
    residual = coefficients - reference
    detail = coefficients.clone()
    detail[:, :, :, 0, :, 0] = 0
    cheaper = _energy(residual) < _energy(detail)
    cheaper = cheaper & predicted[:, None, None, None, None, None]
    intra = quantise(coefficients, step, 1 / 3)
    return restore(torch.where(cheaper, reference + quantise(residual, step, 1 / 6), intra))


def quantise(coefficients: Tensor, step: Tensor, rounding: float) -> Tensor:
    """To multiples of the step, with the dead zone encoders have (rounding < 1/2)."""
    levels = (coefficients.abs() / step + rounding).floor()
    return levels * step * coefficients.sign()


def quantisation(step: Tensor, ramp: Tensor) -> Tensor:
    """(B, 1, 1, 8, 1, 8): steps that grow with frequency, by `ramp` (B,) a diagonal pair."""
    frequency = torch.arange(BLOCK, device=step.device)
    frequency = (frequency[:, None] + frequency) / 2
    steps = step[:, None, None] * (1 + ramp[:, None, None] * frequency)
    return steps[:, None, None, :, None, :]


def transform(plane: Tensor) -> Tensor:
    """(B, C, H, W) → orthonormal DCT of its blocks, (B, C, H/8, 8, W/8, 8)."""
    batch, channels, height, width = plane.shape
    blocks = plane.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    basis = _dct(plane)
    return torch.einsum("ui,bcyixj,vj->bcyuxv", basis, blocks, basis)


def restore(coefficients: Tensor) -> Tensor:
    """The inverse of `transform`."""
    batch, channels, rows, _, columns, _ = coefficients.shape
    basis = _dct(coefficients)
    blocks = torch.einsum("ui,bcyuxv,vj->bcyixj", basis, coefficients, basis)
    return blocks.reshape(batch, channels, rows * BLOCK, columns * BLOCK)


def to_ycbcr(rgb: Tensor) -> Tensor:
    """RGB in [0, 1] → Y, Cb, Cr in levels around 0 (BT.601, full range), (B, 3, H, W)."""
    return torch.einsum("kc,bchw->bkhw", _matrix().to(rgb.device, non_blocking=True), rgb) * 255


def from_ycbcr(ycbcr: Tensor) -> Tensor:
    """The inverse of `to_ycbcr`."""
    inverse = torch.linalg.inv(_matrix()).to(ycbcr.device, non_blocking=True)
    return torch.einsum("ck,bkhw->bchw", inverse, ycbcr) / 255


def _matrix() -> Tensor:
    red, blue = 0.299, 0.114
    luma = torch.tensor([red, 1 - red - blue, blue])
    one = torch.eye(3)
    return torch.stack((luma, (one[2] - luma) / (2 - 2 * blue), (one[0] - luma) / (2 - 2 * red)))


def _dct(like: Tensor) -> Tensor:
    index = torch.arange(BLOCK, device=like.device, dtype=like.dtype)
    basis = torch.cos(math.pi / BLOCK * (index + 0.5) * index[:, None]) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return basis


def _energy(blocks: Tensor) -> Tensor:
    return blocks.square().sum(dim=(3, 5), keepdim=True)
