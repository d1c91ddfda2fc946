"""A network that says where pixels go: small, linear where it looks at motion, and quick.

The other networks draw the magnified frame anew. This one moves the query's own pixels, and draws
only what they leave open. So what it needs to know is a displacement, and half of that is solved
for and not learnt:

- The shape is linear in the frame, filters of 8x8 pixels without a mean. A linear temporal filter
  over it is the same filter over the pixels, and brightness that changes everywhere is no motion.
- Where something moves by d, each filter's response changes by -∇response · d. Least squares over
  filters and neighbours give d (Lucas and Kanade, IJCAI 1981), which is right for small motion.
- A network at 1/4 and 1/8 of the size refines it: it fills what has no texture, carries motion to
  where things go, mends noise. Its flow moves the pixels (Jaderberg et al., NeurIPS 2015), and its
  residual draws what was hidden.

Where no motion is near, neither has any part: a factor of 1 gives the frame back.
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from magnify.models.base import MagnificationModel, Texture, dtype_of

CHANNELS, DEEP_CHANNELS = 48, 64
"""Of the network at 1/4 and at 1/8 of the frame's size."""

SOLVED = 16
"""How many of the shape's filters, the first ones, displacements are solved from."""

REACH = 40.0
"""Pixels that no pixel is moved beyond."""

FLOW_SCALE = 8.0
"""Pixels that stand for 1 inside the network."""

FLOOR, CONTRAST_FLOOR = 1e-4, 1e-3
"""Squares of responses far below a grey level's, and where contrast is no more made up for."""

RIDGE, RIDGE_SHARE = 2e-4, 0.02
"""What is added to the squares of gradients, at least and as a share: where there is no texture
there is no displacement."""

NEARBY = 17
"""Cells of 4 pixels, across, within which motion has a part in a pixel."""

FAINTEST = 3e-3
"""A change, relative to the contrast, that is hardly motion."""


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels)
        self.conv2 = conv(channels, channels)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu_(self.conv1(x)))


class Refinement(nn.Module):
    """What is known of a frame and of its motion → flow, trust in the solved flow, and residual.

    (T, C, H/4, W/4) → (T, 60, H/4, W/4); `Quick.decode` says what the channels are.
    """

    def __init__(self) -> None:
        super().__init__()
        known = 3 * CHANNELS + 2 * 4
        self.join = nn.Conv2d(known, CHANNELS, 1)
        self.fine = nn.Sequential(ResidualBlock(CHANNELS), ResidualBlock(CHANNELS))
        self.down = nn.Conv2d(CHANNELS, DEEP_CHANNELS, 2, stride=2)
        self.deep = nn.Sequential(*(ResidualBlock(DEEP_CHANNELS) for _ in range(4)))
        self.up = nn.Conv2d(DEEP_CHANNELS, 4 * CHANNELS, 1)
        self.tail = ResidualBlock(CHANNELS)
        self.out = conv(CHANNELS, 48 + 8 + 4)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, known: Tensor) -> Tensor:
        x = self.fine(F.relu_(self.join(known)))
        deep = self.deep(F.relu_(self.down(x)))
        x = x + F.pixel_shuffle(self.up(deep), 2)
        found: Tensor = self.out(self.tail(x))
        return found


class Quick(MagnificationModel):
    """The network; its frames are RGB in [-1, 1]."""

    name: ClassVar[str] = "quick"
    paper: ClassVar[str] = "this project's own: displacements solved for, refined, and pixels moved"
    good_at: ClassVar[str] = "a first look on a laptop: an eighth of lbvmm's time, sharp, band-pass"
    stride: ClassVar[int] = 8
    minimum_size: ClassVar[int] = 16
    value_range = (-1.0, 1.0)
    bytes_per_pixel: ClassVar[int] = 190
    kept_bytes_per_pixel: ClassVar[int] = 60
    faster_in_bfloat16_on: ClassVar[frozenset[str]] = frozenset({"cpu", "cuda"})
    # A filter reaches 3 pixels beyond its cell of 4 x 4; cells then see 31 others, of which the
    # last eight convolutions count double; upsampling the flow adds one.
    stage_radii = (4, 4 * (6 + 4 + 2 + 16 + 3) + 4)
    receptive_radius = sum(stage_radii)

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(3, CHANNELS, 8, stride=4, bias=False)
        self.features = nn.Conv2d(3, CHANNELS, 8, stride=4)
        self.refinement = Refinement()
        _start_as_waves(self.filters.weight)

    def shape_elements(self, height: int, width: int) -> int:
        return CHANNELS * (height // 4) * (width // 4)

    def reduce_precision(self, dtype: torch.dtype) -> None:
        self.features.to(dtype)
        self.refinement.to(dtype)

    def encode(self, frames: Tensor) -> tuple[Texture, Tensor]:
        shape = self.encode_shape(frames)
        features = self.features(_padded(frames, 2).to(dtype_of(self.features)))
        return (frames, F.relu_(features), self._gradients(frames), shape), shape

    def encode_shape(self, frames: Tensor) -> Tensor:
        return F.conv2d(_padded(frames, 2), self._filters(), stride=4)

    def manipulate(
        self, shape: Tensor, motion: Tensor, alpha: float | Tensor, texture: Texture
    ) -> Tensor:
        return shape + motion * (alpha - 1)

    def decode(self, texture: Texture, shape: Tensor) -> Tensor:
        frame, _ = self.decode_with_flow(texture, shape)
        return frame

    def decode_with_flow(self, texture: Texture, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Gives, beside the frames, how far each of their pixels was moved: (T, 2, H, W).

        Pixels down and right, from where it is in the query.
        """
        frames, features, gradients, before = texture
        motion = shape - before
        contrast = _mean_nearby(before.square().mean(1, keepdim=True)) + CONTRAST_FLOOR
        motion, before = motion * contrast.rsqrt(), before * contrast.rsqrt()
        solved, wider = (
            (REACH * torch.tanh(displacement / REACH), sureness)
            for displacement, sureness in _solved(gradients, shape - texture[3])
        )
        known = [features, before, motion / 4]
        known += [solved[0] / FLOW_SCALE, wider[0] / FLOW_SCALE, solved[1] / 4, wider[1] / 4]
        dtype = dtype_of(self.refinement)
        found = self.refinement(torch.cat([part.to(dtype) for part in known], dim=1)).float()
        found = found * _presence(motion)
        residual, flow, trust = found.split((48, 8, 4), dim=1)
        flow = F.pixel_shuffle(flow, 2) * FLOW_SCALE
        flow = flow + F.pixel_shuffle(torch.sigmoid(trust + 2), 2) * _doubled(solved[0])
        flow = _doubled(flow)
        flow = REACH * torch.tanh(flow / REACH)
        return moved(frames, flow) + F.pixel_shuffle(residual, 4), flow

    def _filters(self) -> Tensor:
        """The shape's filters: none answers to an even brightness."""
        weight = self.filters.weight
        return weight - weight.mean((1, 2, 3), keepdim=True)

    def _gradients(self, frames: Tensor) -> Tensor:
        """How the first responses change from pixel to pixel, down and right: (T, 2n, h, w).

        A response's central difference is the response of the filter's own.
        """
        filters = self._filters()[:SOLVED]
        down = F.pad(filters, (1, 1, 2, 0)) - F.pad(filters, (1, 1, 0, 2))
        right = F.pad(filters, (2, 0, 1, 1)) - F.pad(filters, (0, 2, 1, 1))
        return F.conv2d(_padded(frames, 3), torch.cat((down, right)) / 2, stride=4)


def moved(frames: Tensor, flow: Tensor) -> Tensor:
    """Frames (T, 3, H, W) whose pixels come from `flow` (T, 2, H, W) before them, down and right.

    What comes from outside is reflected.
    """
    height, width = frames.shape[-2:]
    rows = torch.arange(height, dtype=torch.float32, device=flow.device)[:, None]
    columns = torch.arange(width, dtype=torch.float32, device=flow.device)
    x = (columns - flow[:, 1]) * (2 / (width - 1)) - 1
    y = (rows - flow[:, 0]) * (2 / (height - 1)) - 1
    grid = torch.stack((x, y), dim=-1)
    return F.grid_sample(frames, grid, "bilinear", "reflection", align_corners=True)


def _solved(gradients: Tensor, change: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The displacement (T, 2, h, w) that explains a change best, and how sure it is (T, 2, h, w).

    In a small neighbourhood and in a larger one. With g the gradients of the filters' responses r,
    Σ (g gᵀ + ridge) d = -Σ g · change, summed over filters and neighbours.
    """
    down, right = gradients.chunk(2, dim=1)
    change = change[:, :SOLVED]
    products = (down * down, right * right, down * right, -down * change, -right * change)
    sums = torch.stack([product.sum(1) for product in products], dim=1)
    near = _mean_nearby(_mean_nearby(sums))
    far = F.avg_pool2d(near, 9, 1, 4, count_include_pad=False)
    found = []
    for a, b, c, p, q in (near.unbind(1), far.unbind(1)):
        ridge = RIDGE + RIDGE_SHARE * (a + b)
        steeper, flatter = a + ridge, b + ridge
        determinant = steeper * flatter - c * c
        displacement = torch.stack((flatter * p - c * q, steeper * q - c * p), 1)
        weakest = determinant / (steeper + flatter)
        sureness = torch.stack(((a + b + FLOOR).log(), (weakest + FLOOR).log()), 1)
        found.append((displacement / determinant[:, None], sureness))
    return found


def _presence(motion: Tensor) -> Tensor:
    """1 where there is motion within reach, 0 where there is none at all: (T, 1, h, w)."""
    strength = motion.abs().mean(1, keepdim=True)
    side, reach = NEARBY, NEARBY // 2
    strength = F.max_pool2d(strength, (side, 1), 1, (reach, 0))
    strength = F.max_pool2d(strength, (1, side), 1, (0, reach))
    return -torch.expm1(-strength / FAINTEST)


def _mean_nearby(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def _padded(frames: Tensor, margin: int) -> Tensor:
    return F.pad(frames, (margin,) * 4, mode="reflect")


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


@torch.no_grad()
def _start_as_waves(filters: Tensor) -> None:
    """Makes filters (n, 3, 8, 8) waves under a Gaussian.

    The first ones are of luma and run in all directions, in pairs a quarter of a wave apart.
    """
    with torch.device("cpu"):  # also where the network itself has no memory
        place = torch.arange(8) - 3.5
        y, x = place[:, None], place
        window = torch.exp(-(y**2 + x**2) / (2 * 2.2**2))
        for number, kernel in enumerate(filters):
            if number < SOLVED:
                angle = math.pi * number / SOLVED
                length = 0.6 + 0.3 * (number % 3)
                down, right = length * math.cos(angle), length * math.sin(angle)
                colour = torch.tensor([0.3, 0.6, 0.1])
            else:
                down, right = (torch.rand(2) * 1.6 - 0.8).tolist()
                colour = torch.randn(3) / 2
            wave = window * torch.cos(down * y + right * x + math.pi / 2 * (number % 2))
            wave = wave - wave.mean()
            kernel.copy_(colour[:, None, None] * wave / wave.norm())
