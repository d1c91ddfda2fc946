"""New weights for channels that have died.

A rectified channel that is on nowhere passes on no gradient, so that it never comes back; without
biases, and behind inputs that are never negative, a rate a little too high is enough to lose it.
What such channels feed hardly depends on them, so they can start again at no cost.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from magnify.lab.synthesis import Pairs
from magnify.lab.training.losses import to_range
from magnify.models.lbvmm import LBVMM, ResidualBlock
from magnify.models.margins import without_margin

RARELY = 1e-3
"""A channel that is on in a smaller share of the pixels counts as dead."""


@torch.no_grad()
def revive(model: LBVMM, samples: Sequence[Pairs]) -> tuple[int, int]:
    """Gives the dead channels inside the residual blocks new, random weights.

    The new weights are as long as the old ones and orthogonal to their mean input, so that the
    channel is on in about half of the pixels. What reads the channel starts at zero: the network's
    output stays what it was where the channel was off, and the channel learns from the second step
    on.

    Args:
        model: on the samples' device; changed in place.
        samples: what decides which channels are dead.

    Returns:
        How many channels were dead, and out of how many.
    """
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    shares: dict[nn.Module, list[Tensor]] = {block: [] for block in blocks}
    means: dict[nn.Module, list[Tensor]] = {block: [] for block in blocks}

    def watch(block: ResidualBlock) -> torch.utils.hooks.RemovableHandle:
        def note(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            shares[block].append((without_margin(output) > 0).float().mean((0, 2, 3)))
            means[block].append(without_margin(inputs[0]).mean((0, 2, 3)))

        return block.conv1.register_forward_hook(note)

    handles = [watch(block) for block in blocks]
    for pairs in samples:
        frames = (to_range(frame, model) for frame in (pairs.reference, pairs.query))
        model(*frames, pairs.alpha[:, None, None, None])
    for handle in handles:
        handle.remove()

    dead = 0
    for block in blocks:
        channels = torch.stack(shares[block]).mean(0) < RARELY
        mean = torch.stack(means[block]).mean(0)[:, None, None].expand(block.conv1.weight.shape[1:])
        block.conv1.weight[channels] = _across(mean, block.conv1.weight[channels])
        block.conv2.weight[:, channels] = 0
        dead += int(channels.sum())
    return dead, sum(block.conv1.out_channels for block in blocks)


def _across(mean: Tensor, weights: Tensor) -> Tensor:
    """Random weights (N, C, k, k) orthogonal to `mean` (C, k, k), as long as the given ones."""
    fresh = torch.randn_like(weights).flatten(1)
    direction = nn.functional.normalize(mean.flatten(), dim=0)
    across = fresh - torch.outer(fresh @ direction, direction)
    lengths: Tensor = torch.linalg.vector_norm(weights.flatten(1), dim=1, keepdim=True)
    return (lengths * nn.functional.normalize(across, dim=1)).reshape(weights.shape)
