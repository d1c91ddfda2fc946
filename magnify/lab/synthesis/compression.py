"""Does to frames what a video codec does, in tensor algebra: 4:2:0, 8x8 DCT, quantisation.

Not any standard's bit stream, but its losses: coarse chroma, dropped high frequencies, block-wise
offsets, and still blocks copied from the frame before, or brought up to date.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

BLOCK = 8
LATER = (0.4, 1.6)
"""Quantisation steps of later frames, relative to the first's: rate control."""
UNEVENNESS = 0.4
"""Standard deviation of the log step over a later frame's macroblocks: adaptive quantisation."""


def compress(
    frames: list[Tensor], step: Tensor, generator: Generator, choices: Generator
) -> list[Tensor]:
    """Sends frames through the codec and back.

    Args:
        frames: each (B, 3, H, W) in [0, 1]. The first is coded by itself; in half of the scenes
            each block of the others may be predicted from the first. Their quality differs from
            its, and between their macroblocks, so that what stands still changes, too.
        step: (B,), the luma coefficients' quantisation step in the first frame, in levels of 255.
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
    coded: list[list[Tensor]] = []
    for frame in frames:
        ycbcr = F.pad(to_ycbcr(frame), pad, mode="replicate")
        planes = (ycbcr[:, :1], F.avg_pool2d(ycbcr[:, 1:], 2))
        if not coded:
            coded.append([code(*plane) for plane in zip(planes, steps, strict=True)])
            continue
        factors = unevenness(planes[1], uniform(*map(math.log, LATER)), generator)
        own = [step * factor for step, factor in zip(steps, factors, strict=True)]
        predictable = zip(planes, own, coded[0], strict=True)
        coded.append([code_after(*plane, predicted) for plane in predictable])
    decoded = []
    for luma, chroma in coded:
        ycbcr = torch.cat((luma, F.interpolate(chroma, scale_factor=2, mode=upsampling)), dim=1)
        decoded.append(from_ycbcr(ycbcr[..., top : top + height, left : left + width]))
    return decoded


def unevenness(chroma: Tensor, overall: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Draws factors of the blocks' steps, luma and chroma: (B, 1, rows, 1, columns, 1) each.

    Args:
        chroma: a plane (B, 2, H/2, W/2), of one block for each macroblock of 16x16 pixels.
        overall: (B,), the mean of the factors' logarithms in each scene.
    """
    batch, _, height, width = chroma.shape
    shape = (batch, 1, height // BLOCK, 1, width // BLOCK, 1)
    local = torch.randn(shape, generator=generator, device=chroma.device)
    factor = (overall[:, None, None, None, None, None] + UNEVENNESS * local).exp()
    return factor.repeat_interleave(2, dim=2).repeat_interleave(2, dim=4), factor


def code(plane: Tensor, step: Tensor) -> Tensor:
    """Quantises the DCT of each 8x8 block of (B, C, H, W) by step (B, 1, 1, 8, 1, 8)."""
    return restore(quantise(transform(plane), step, 1 / 3))


def code_after(plane: Tensor, step: Tensor, first: Tensor, predicted: Tensor) -> Tensor:
    """Quantises as `code` does, or the difference from the decoded first frame's plane.

    The difference is for scenes that are `predicted` (B,), in blocks where it has less energy.

    `step` is of each block, (B, 1, H/8, 8, W/8, 8).
    """
    coefficients, reference = transform(plane), transform(first)
    residual = coefficients - reference
    detail = coefficients.clone()
    detail[:, :, :, 0, :, 0] = 0
    cheaper = _energy(residual) < _energy(detail)
    cheaper = cheaper & predicted[:, None, None, None, None, None]
    intra = quantise(coefficients, step, 1 / 3)
    return restore(torch.where(cheaper, reference + quantise(residual, step, 1 / 6), intra))


def quantise(coefficients: Tensor, step: Tensor, rounding: float) -> Tensor:
    """Rounds to multiples of the step, with the dead zone encoders have (rounding < 1/2)."""
    levels = (coefficients.abs() / step + rounding).floor()
    return levels * step * coefficients.sign()


def quantisation(step: Tensor, ramp: Tensor) -> Tensor:
    """Gives steps that grow with frequency, by `ramp` (B,) a diagonal pair: (B, 1, 1, 8, 1, 8)."""
    frequency = torch.arange(BLOCK, device=step.device)
    frequency = (frequency[:, None] + frequency) / 2
    steps = step[:, None, None] * (1 + ramp[:, None, None] * frequency)
    return steps[:, None, None, :, None, :]


def transform(plane: Tensor) -> Tensor:
    """Transforms each block of (B, C, H, W) by an orthonormal DCT: (B, C, H/8, 8, W/8, 8)."""
    batch, channels, height, width = plane.shape
    blocks = plane.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    basis = _dct(plane)
    return torch.einsum("ui,bcyixj,vj->bcyuxv", basis, blocks, basis)


def restore(coefficients: Tensor) -> Tensor:
    """Undoes `transform`."""
    batch, channels, rows, _, columns, _ = coefficients.shape
    basis = _dct(coefficients)
    blocks = torch.einsum("ui,bcyuxv,vj->bcyixj", basis, coefficients, basis)
    return blocks.reshape(batch, channels, rows * BLOCK, columns * BLOCK)


def to_ycbcr(rgb: Tensor) -> Tensor:
    """Converts RGB in [0, 1] to Y, Cb, Cr in levels around 0 (BT.601, full range)."""
    return torch.einsum("kc,bchw->bkhw", _matrix().to(rgb.device, non_blocking=True), rgb) * 255


def from_ycbcr(ycbcr: Tensor) -> Tensor:
    """Undoes `to_ycbcr`."""
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
