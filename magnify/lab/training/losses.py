"""Says what each network is trained for."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.lab.synthesis import Pairs
from magnify.lab.training.perceptual import VggFeatures
from magnify.models import MagnificationModel
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from magnify.models.quick import Quick

CHARBONNIER_EPSILON = 1e-3
EARLY = 0.15
"""The share of a run that is early."""


class Objective(nn.Module, ABC):
    """A network and what it is trained for; calling it gives the loss's named, weighted terms.

    It is one module so that gradients are averaged between devices, and the whole compiled.
    """

    model: LBVMM | FD4MM | Quick
    early = True
    """Whether terms that only help to find the way are among them."""

    def advance(self, progress: float) -> None:
        """Is told before each step how much of the run is over, 0 to 1."""
        self.early = progress < EARLY

    @abstractmethod
    def forward(
        self,
        reference: Tensor,
        query: Tensor,
        unperturbed: Tensor,
        target: Tensor,
        alpha: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        """Gives scalars whose sum is the loss, of the tensors of `Pairs` in [0, 1]."""


class LBVMMObjective(Objective):
    """LBVMM's loss: L1, edges, structure, and regularised texture and shape (section 3.3).

    The texture must not see motion: reference and unperturbed query have the same. The shape must
    not see colour, nor what cameras and codecs do: perturbed, degraded query and the clean
    unperturbed one have the same.
    """

    def __init__(self, model: LBVMM, regularisation: float = 0.2, structure: float = 1.0) -> None:
        super().__init__()
        self.model = model
        self.regularisation = regularisation
        self.structure = structure

    def forward(
        self,
        reference: Tensor,
        query: Tensor,
        unperturbed: Tensor,
        target: Tensor,
        alpha: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        model = self.model
        frames = torch.cat((reference, query, unperturbed))
        with in_float32(frames):
            (textures,), shapes = model.encode(to_range(frames, model))
        still, textured, plain = textures.chunk(3)
        rest, moved, clean = shapes.chunk(3)
        magnified = model.manipulate(moved, moved - rest, alpha[:, None, None, None], (textured,))
        output = model.decode((textured,), magnified).float()
        truth = to_range(target, model)
        regularisation = F.l1_loss(still, plain) + F.l1_loss(moved, clean)
        return {
            "l1": F.l1_loss(output, truth),
            "edge": charbonnier(highpass(output) - highpass(truth)),
            "structure": self.structure * (1 - ssim((output + 1) / 2, target)),
            "regularisation": self.regularisation * regularisation.float(),
        }


class FD4MMObjective(Objective):
    """FD4MM's loss: Charbonnier, edges, contrast (section 3.5), and two terms more.

    The edges are what `highpass` leaves, where the paper has a Laplacian of Gaussian. Structure is
    there because Charbonnier's answer to motion it does not follow yet is blur. The contrast, in
    features of VGG-19, is to be nearer to the target than to the unmagnified query; without VGG
    weights the term is absent.

    All motion passes through the deep low band, and the easiest answer is to do without it and
    return the query's high bands. So early in a run the decoder is guided: given the target's low
    band, it is to return the target, in some samples without the finer high bands. (What does not
    work: asking that the magnified low band be the target's. It cannot be, where motion is larger
    than the band's detail, and the best answer to that is no magnification at all.)
    """

    model: FD4MM

    def __init__(
        self,
        model: FD4MM,
        features: VggFeatures | None = None,
        contrast: float = 0.1,
        guided: float = 1.0,
        structure: float = 1.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.features = features
        self.contrast = contrast
        self.guided = guided
        self.structure = structure

    def forward(
        self,
        reference: Tensor,
        query: Tensor,
        unperturbed: Tensor,
        target: Tensor,
        alpha: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        model = self.model
        truth = to_range(target, model)
        with in_float32(query):
            low, unfiltered = model.pyramid.decouple(to_range(query, model))
            at_rest = model.encode_shape(to_range(reference, model))
        highs = model.pyramid.filter(unfiltered)
        low = model.manipulate(low, low - at_rest, alpha[:, None, None, None], highs)
        if self.early:
            low = torch.cat((low, model.encode_shape(truth)))
            highs = tuple(torch.cat(pair) for pair in zip(highs, withheld(highs), strict=True))
        decoded = model.decode(highs, low)
        output, *guided = torch.split(decoded.float(), len(query))
        fine_truth = highpass(truth)
        terms = {
            "charbonnier": charbonnier(output - truth),
            "edge": charbonnier(highpass(output) - fine_truth),
            "structure": self.structure * (1 - ssim((output + 1) / 2, target)),
            "guided": output.new_zeros(()),
        }
        for frames in guided:
            error = charbonnier(frames - truth) + charbonnier(highpass(frames) - fine_truth)
            terms["guided"] = self.guided * error
        if self.features is not None:
            seen = self.features((output + 1) / 2)
            with torch.no_grad():
                wanted, unwanted = self.features(target), self.features(query)
            contrast = F.l1_loss(seen, wanted) / (F.l1_loss(seen, unwanted) + 1e-7)
            terms["contrast"] = self.contrast * contrast
        return terms


class QuickObjective(Objective):
    """Quick's loss: L1, edges, structure, and the flow, where the pairs tell what moved how far.

    A picture tells a flow only what lies a pixel or two beside it; the true motion tells it from
    anywhere. An error in long motion counts less, as a share of it.
    """

    model: Quick

    def __init__(self, model: Quick, flow: float = 0.2, structure: float = 1.0) -> None:
        super().__init__()
        self.model = model
        self.flow = flow
        self.structure = structure

    def forward(
        self,
        reference: Tensor,
        query: Tensor,
        unperturbed: Tensor,
        target: Tensor,
        alpha: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        model = self.model
        truth = to_range(target, model)
        with in_float32(query):
            texture, shape = model.encode(to_range(query, model))
            at_rest = model.encode_shape(to_range(reference, model))
        factor = alpha[:, None, None, None]
        magnified = model.manipulate(shape, shape - at_rest, factor, texture)
        output, flow = model.decode_with_flow(texture, magnified)
        terms = {
            "l1": F.l1_loss(output, truth),
            "edge": charbonnier(highpass(output) - highpass(truth)),
            "structure": self.structure * (1 - ssim((output + 1) / 2, target)),
        }
        if motion.shape[1]:
            error = ((flow - motion).square().sum(1) + 0.1**2).sqrt()
            longest = 1 + 0.1 * motion.square().sum(1).sqrt()
            terms["flow"] = self.flow * (error / longest).mean()
        return terms


def withheld(highs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Takes fine high bands away: of (B, C, h, w), sample n keeps only the n mod 4 deepest.

    The others become their mean over batch and pixels, which tells nothing of the picture.
    """
    kept = torch.arange(len(highs[0]), device=highs[0].device) % (len(highs) + 1)
    return tuple(
        torch.where(
            (kept >= len(highs) - level)[:, None, None, None],
            high,
            high.mean(dim=(0, 2, 3), keepdim=True),
        )
        for level, high in enumerate(highs)
    )


def loss_terms(objective: Callable[..., dict[str, Tensor]], pairs: Pairs) -> dict[str, Tensor]:
    """Calls an `Objective`, also inside the wrappers that compile or distribute it."""
    return objective(
        pairs.reference, pairs.query, pairs.unperturbed, pairs.target, pairs.alpha, pairs.motion
    )


def in_float32(frames: Tensor) -> AbstractContextManager[object]:
    """Switches autocast off, for small differences of large numbers.

    Motion is one, of shapes, and is multiplied by alpha: a short format's rounding is no small part
    of what faint motion makes. (Magnifying computes shapes in float32, too.)
    """
    return torch.autocast(frames.device.type, enabled=False)


def to_range(frames: Tensor, model: MagnificationModel) -> Tensor:
    """Scales frames in [0, 1] to the model's value range."""
    low, high = model.value_range
    return low + (high - low) * frames


def charbonnier(difference: Tensor) -> Tensor:
    """Gives the mean of sqrt(d² + ε²), an L1 that is smooth at zero."""
    return (difference.square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def highpass(frames: Tensor) -> Tensor:
    """Gives what a 5-tap binomial blur of (B, C, H, W) takes away: (B, C, H - 4, W - 4).

    FD4MM's edge loss has a Laplacian of Gaussian here. Of coarse detail this is -1/2 of the
    Laplacian. The finest, which a Gaussian would blur away, it keeps whole.
    """
    blurred = frames
    for dim in (2, 3):
        for _ in range(4):  # the mean of neighbours, four times; a convolution would round in bf16
            length = blurred.shape[dim] - 1
            blurred = (blurred.narrow(dim, 0, length) + blurred.narrow(dim, 1, length)) / 2
    return frames[..., 2:-2, 2:-2] - blurred


def ssim(frames: Tensor, others: Tensor) -> Tensor:
    """Gives the mean structural similarity of frames (B, C, H, W) in [0, 1], 11 pixels or more.

    Wang et al., "Image quality assessment", 2004, as in `magnify.lab.evaluation.ssim`. As a loss it
    weighs noise where the picture is smooth, which L1 hardly sees (Zhao et al., "Loss functions
    for image restoration with neural networks", 2017).
    """
    with in_float32(frames):  # variances
        moments = torch.cat((frames, others, frames**2, others**2, frames * others), dim=1)
        offsets = torch.arange(-5.0, 6.0, device=frames.device)
        taps = torch.exp(-(offsets**2) / (2 * 1.5**2))
        kernel = (taps / taps.sum()).expand(moments.shape[1], 1, 1, -1)
        moments = F.conv2d(moments, kernel, groups=len(kernel))
        moments = F.conv2d(moments, kernel.transpose(2, 3), groups=len(kernel))
        mean, other_mean, square, other_square, product = moments.chunk(5, dim=1)
        c1, c2 = 0.01**2, 0.03**2
        covariance = product - mean * other_mean
        variances = square - mean**2 + other_square - other_mean**2
        luminance = (2 * mean * other_mean + c1) / (mean**2 + other_mean**2 + c1)
        return (luminance * (2 * covariance + c2) / (variances + c2)).mean()
