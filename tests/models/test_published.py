"""The networks compute what their published form does, magnifying and training."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from magnify.models import MagnificationModel
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import CGST, LBVMM, MAGNIFY, OFFICIAL, POSTECH, ZHENGPENG7
from support.published import published_pair

Build = Callable[[], MagnificationModel]


def model_and_pair(
    build: Build, height: int, width: int
) -> tuple[MagnificationModel, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
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
def test_training_computes_the_same_gradients_as_the_published_form(build: Build) -> None:
    model, reference, query = model_and_pair(build, 24, 32)
    with torch.no_grad():
        expected = model(reference, query, 7.0)

    def gradients(output: torch.Tensor) -> list[torch.Tensor]:
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)
        weight = torch.linspace(-1, 1, output.numel()).view_as(output)
        return list(torch.autograd.grad((output * weight).sum(), list(model.parameters())))

    plain = gradients(published_pair(model, reference, query, 7.0))
    for gradient, wanted in zip(gradients(model(reference, query, 7.0)), plain, strict=True):
        assert wanted.norm() > 0
        assert (gradient - wanted).norm() / wanted.norm() < 1e-3
