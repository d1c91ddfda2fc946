"""Gives FD4MM first weights that magnify linearly and coarsely, before any training.

FD4MM needs them. From random weights, next to nothing of two frames' difference reaches the output
through the deep low band. So nothing rewards magnifying it, and training ends in returning the
query. These weights open the way that the architecture intends. A picture of half the size (chroma:
a quarter) travels in the deep low band, its detail (chroma: half the size) in the shallow high
band. The difference of two low bands is multiplied by alpha - 1 and added: linear Eulerian
magnification (Wu et al., SIGGRAPH 2012).

Whatever passes a GELU travels as two channels, x and -x: GELU(x) - GELU(-x) = x.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from magnify.models.fd4mm import FD4MM, FrequencyDecoupling

Kind = TypeVar("Kind", bound=nn.Module)

YUV = torch.tensor([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
"""Rows: luma and two colour differences of RGB."""
PHASES = 4
"""The pixels of a 2x2 block: (0, 0), (0, 1), (1, 0), (1, 1)."""
LUMA, CODE = PHASES, PHASES + 2
"""Channels of a picture: the four phases of Y, and U and V of half that size."""
BLUR = torch.tensor([0.25, 0.5, 0.25])
BRANCH_ENDS = ("attention.project.weight", "mlp.2.weight", "mlp.2.bias")


@torch.no_grad()
def start_as_linear_magnifier(model: FD4MM) -> None:
    """Sets the weights that carry the picture and its motion; the others stay random.

    All residual branches end in zeros: their ends learn from the first step, what is before them
    from the second. Channels without a task keep random weights, so that all of them learn.
    """
    for name, parameter in model.state_dict().items():  # the model's own tensors, not copies
        if name.endswith(BRANCH_ENDS):
            parameter.zero_()
    pyramid, reconstruction = model.pyramid, model.reconstruction
    fine, middle, deep = (_kept(module, FrequencyDecoupling) for module in pyramid.decoupling)
    widen = [_kept(module, nn.Conv2d) for module in pyramid.widen]
    reduce = [_kept(module, nn.Conv2d) for module in reconstruction.reduce]
    up = [_kept(module, nn.Conv2d) for module in reconstruction.up]
    decouplings = (fine, middle, deep)
    mixing = [pyramid.patch_embedding, *widen, *reduce, *up]
    for convolution in (*mixing, *(decoupling.pointwise for decoupling in decouplings)):
        _randomise(convolution, 0.3)
    for decoupling in decouplings:
        for convolution in (decoupling.depthwise, decoupling.low, decoupling.high):
            _randomise(convolution, 1.0)

    _embed(pyramid.patch_embedding)
    _split_off_means(fine)
    _join(widen[0], CODE)
    _pass_low(middle, CODE, phases=PHASES)
    _join(widen[1], PHASES * CODE)
    _pass_low(deep, PHASES * CODE, phases=1)
    _magnify(model.magnifier.conv1, model.magnifier.conv2)
    _join(reduce[2], PHASES * CODE)
    _interleave(up[2], CODE)
    _pick(reduce[1], CODE)
    _interleave(up[1], 1)
    _enlarge_chroma(up[1])
    _return_detail(reduce[0])
    _pick(up[0], LUMA)
    _enlarge_chroma(up[0])
    _return_colours(reconstruction.output)


def _embed(embedding: nn.Conv2d) -> None:
    """Y of the four pixels of each block, and the means of U and V."""
    embedding.weight[:CODE] = 0
    for phase in range(PHASES):
        row, column = 1 + phase // 2, 1 + phase % 2
        embedding.weight[phase, :, row, column] = YUV[0]
        embedding.weight[LUMA:CODE, :, row, column] = YUV[1:] / PHASES


def _split_off_means(fine: FrequencyDecoupling) -> None:
    """Low: 2x2 means of Y, centred on four phases, and U and V, blurred.

    High: nothing less that, and in the other channels what was embedded less nothing.
    """
    half = len(fine.low.weight)  # behind it, what the high band comes from
    for band in (fine.low, fine.high):
        band.weight.zero_()
    for first in (0, half + 2 * CODE):
        fine.pointwise.weight[first : first + 2 * CODE] = 0
        fine.depthwise.weight[first : first + 2 * CODE] = 0
    for channel in range(CODE):
        for row, sign in ((channel, 1.0), (CODE + channel, -1.0)):
            kernel = fine.depthwise.weight[row, 0]
            if channel < LUMA:
                fine.pointwise.weight[row, :LUMA] = sign / PHASES
                _centre(kernel, channel)
            else:
                fine.pointwise.weight[row, channel] = sign
                kernel.copy_(torch.outer(BLUR, BLUR))
            fine.low.weight[row, 0, 1, 1] = 1
            high = 2 * CODE + row
            fine.pointwise.weight[half + high, channel] = sign
            fine.depthwise.weight[half + high, 0, 1, 1] = 1
            fine.high.weight[high, 0, 1, 1] = 1


def _pass_low(decoupling: FrequencyDecoupling, channels: int, phases: int) -> None:
    """Low: each of the first `channels`, centred on its phases if there are four."""
    half = phases * channels
    for convolution in (decoupling.pointwise, decoupling.depthwise, decoupling.low):
        convolution.weight[: 2 * half] = 0
    for place in range(half):
        channel, phase = divmod(place, phases)
        for row, sign in ((place, 1.0), (half + place, -1.0)):
            decoupling.pointwise.weight[row, channel] = sign
            kernel = decoupling.depthwise.weight[row, 0]
            if phases == 1:
                kernel[1, 1] = 1
            else:
                _centre(kernel, phase)
            decoupling.low.weight[row, 0, 1, 1] = 1


def _magnify(first: nn.Conv2d, second: nn.Conv2d) -> None:
    """Motion x, -x → GELU, times alpha - 1, GELU."""
    for convolution in (first, second):
        nn.init.normal_(convolution.weight, std=0.003)
        half = PHASES * CODE
        pair = torch.eye(half)
        opposed = torch.cat((torch.cat((pair, -pair), dim=1), torch.cat((-pair, pair), dim=1)))
        convolution.weight[: 2 * half] = 0
        convolution.weight[: 2 * half, : 2 * half, 0, 0] = opposed


def _join(convolution: nn.Conv2d, channels: int) -> None:
    """The first outputs are the first inputs, which come as x and -x."""
    convolution.weight[:channels] = 0
    pair = torch.eye(channels)
    convolution.weight[:channels, : 2 * channels, 0, 0] = torch.cat((pair, -pair), dim=1)


def _interleave(up: nn.Conv2d, pictures: int) -> None:
    """Four phases of each picture → the same for pixel shuffle, sharpened by (-1/4, 3/2, -1/4).

    With the blur of `_centre` and a pooling that leaves, along either axis, 98 % at a period of 8
    of the finer pixels, and 75 % at one of 4.
    """
    up.weight[: PHASES * pictures] = 0
    taps = {-1: -0.25, 0: 1.5, 1: -0.25}
    for channel in range(PHASES * pictures):
        picture, phase = divmod(channel, PHASES)
        for below, vertical in taps.items():
            for right, horizontal in taps.items():
                row, down = divmod(phase // 2 + below, 2)
                column, across = divmod(phase % 2 + right, 2)
                source = PHASES * picture + 2 * down + across
                up.weight[channel, source, 1 + row, 1 + column] += vertical * horizontal


def _enlarge_chroma(up: nn.Conv2d) -> None:
    """U and V → pictures 1 and 2 for pixel shuffle, each pixel four times."""
    for picture, channel in enumerate(range(LUMA, CODE), start=1):
        block = slice(PHASES * picture, PHASES * (picture + 1))
        up.weight[block] = 0
        up.weight[block, channel, 1, 1] = 1


def _return_detail(reduce: nn.Conv2d) -> None:
    """The half-size picture, and what the shallow bands hold beyond it → Y's phases, U and V."""
    high = reduce.weight.shape[1] // 2  # the low band comes first
    embedded = high + 2 * CODE
    reduce.weight[:CODE] = 0
    for channel in range(CODE):
        row = reduce.weight[channel, :, 0, 0]
        luma = channel < LUMA
        row[0 if luma else channel - LUMA + 1] = 1
        row[embedded + channel] = 1
        row[embedded + CODE + channel] = -1
        blurred = range(LUMA) if luma else range(channel, channel + 1)
        for place in blurred:  # in the high band with the other sign
            row[high + place] = 1 / len(blurred)
            row[high + CODE + place] = -1 / len(blurred)


def _return_colours(output: nn.Conv2d) -> None:
    output.weight.zero_()
    output.weight[:, :3, 1, 1] = torch.linalg.inv(YUV)
    if output.bias is not None:
        output.bias.zero_()


def _kept(module: nn.Module, kind: type[Kind]) -> Kind:
    """The module, its type known: containers forget it."""
    assert isinstance(module, kind)
    return module


def _randomise(convolution: nn.Conv2d, gain: float) -> None:
    nn.init.normal_(convolution.weight, std=gain / math.sqrt(convolution.weight[0].numel()))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def _centre(kernel: Tensor, phase: int) -> None:
    """Half a pixel towards the phase: what a 2x2 pooling makes of it is centred there."""
    row, column = phase // 2, phase % 2
    kernel[row : row + 2, column : column + 2] = 1 / PHASES


def _pick(convolution: nn.Conv2d, channels: int) -> None:
    """Output channel n is input channel n."""
    middle = convolution.kernel_size[0] // 2
    convolution.weight[:channels] = 0
    convolution.weight[:channels, :channels, middle, middle] = torch.eye(channels)
