"""The benchmarks: their published forms compute what the networks do; their numbers add up."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from magnify.benchmarks.published import published_pair
from magnify.models import FD4MM, LBVMM, MagnificationModel
from magnify.models.lbvmm import CGST, MAGNIFY, OFFICIAL, POSTECH, ZHENGPENG7

Build = Callable[[], MagnificationModel]


def model_and_pair(
    build: Build, height: int, width: int
) -> tuple[MagnificationModel, torch.Tensor, torch.Tensor]:
    model = build()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise * 0.3 / parameter[0].numel() ** 0.5)
    pair = torch.rand(2, 1, 3, height, width, generator=generator) * 2 - 1
    return model.eval(), *pair


NETWORKS = pytest.mark.parametrize(
    "build",
    [FD4MM, *(partial(LBVMM, v) for v in (MAGNIFY, OFFICIAL, ZHENGPENG7, CGST, POSTECH))],
    ids=["fd4mm", "magnify", "official", "zhengpeng7", "cgst", "postech"],
)


@NETWORKS
@torch.inference_mode()
def test_the_published_form_computes_what_the_network_does(build: Build) -> None:
    model, reference, query = model_and_pair(build, 56, 48)
    expected = published_pair(model, reference, query, 7.0)
    output = model.to(memory_format=torch.channels_last)(reference, query, 7.0)  # type: ignore[call-overload]
    assert (output - expected).norm() / expected.norm() < 1e-5
    assert expected.std() > 0.01


@NETWORKS
def test_training_computes_the_same_and_reaches_every_weight(build: Build) -> None:
    model, reference, query = model_and_pair(build, 24, 32)
    with torch.no_grad():
        expected = model(reference, query, 7.0)
    output = model(reference, query, 7.0)
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)
    output.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
