"""Large frames in tiles: the same as whole, wherever the tiles' bounds lie."""

import numpy as np
import pytest
import torch

from magnify.engine import network as networks
from magnify.engine.network import Network
from magnify.engine.runtime import Runtime
from magnify.engine.tiles import tiles
from magnify.errors import MagnifyError
from magnify.models.fd4mm import FD4MM
from magnify.models.lbvmm import LBVMM
from support.clips import drifting_pattern
from support.formula import BY_NAME, formula_model

VARIANTS = pytest.mark.parametrize("variant", [name for name in BY_NAME if "lbvmm" in name])


def lbvmm(variant: str = "lbvmm-magnify") -> Network:
    return Network(formula_model(BY_NAME[variant]), Runtime(torch.device("cpu"), "fp32"))


def magnify(network: Network, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Texture, shape and magnified pictures of the second frame, with the first as reference."""
    reference = network.encode_shape(pictures[:1])
    texture, shape = network.encode(pictures[1:])
    decoded = network.decode(texture, shape, shape - reference, 5.0, like=pictures[1:])
    return *texture, shape, decoded.float()


def in_tiles_of(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Network, "_choose_tile_rows", lambda self, height, width: rows)


@VARIANTS
@pytest.mark.parametrize(("height", "rows"), [(150, 20), (129, 64), (64, 60)])
@torch.inference_mode()
def test_tiles_equal_the_whole_frame(
    variant: str, height: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = torch.from_numpy(drifting_pattern(2, height, 27, step=0.3))
    whole = magnify(lbvmm(variant), pictures)
    in_tiles_of(rows, monkeypatch)
    tiled = magnify(lbvmm(variant), pictures)
    for one, other in zip(tiled[:-1], whole[:-1], strict=True):
        assert (one - other).abs().max() < 1e-5 * other.abs().max()
    assert (tiled[-1] - whole[-1]).abs().max() <= 1  # a value between two levels may round apart
    assert (tiled[-1] != whole[-1]).float().mean() < 1e-3
    assert whole[-1].std() > 1


@torch.inference_mode()
def test_less_context_than_the_network_sees_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The radii are no larger than they have to be by much: half of them is not enough."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 240, 16, 3), dtype=np.uint8)
    pictures = torch.from_numpy(noise)
    whole = magnify(lbvmm(), pictures)
    in_tiles_of(40, monkeypatch)
    network = lbvmm()
    assert network.model.stage_radii is not None
    encode, decode = network.model.stage_radii
    network.model.stage_radii = (encode // 2, decode // 2)
    tiled = magnify(network, pictures)
    assert (tiled[1] - whole[1]).abs().max() > 1e-4 * whole[1].abs().max()


def test_tiles_cover_the_frame_once() -> None:
    kept = [
        rows
        for _, (_, inner) in enumerate(tiles(100, 16, 8))
        for rows in range(*inner.indices(100))
    ]
    assert kept == list(range(100))
    assert [(w.start, w.stop) for w, _ in tiles(40, 16, 8)] == [(0, 24), (8, 40), (24, 40)]


@torch.inference_mode()
def test_a_frame_that_does_not_fit_goes_through_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = torch.from_numpy(drifting_pattern(2, 400, 32, step=0.3))
    whole = magnify(lbvmm(), pictures)
    used: list[int] = []
    original = networks.in_tiles

    def spy(*arguments: object) -> tuple[torch.Tensor, ...]:
        used.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(networks, "in_tiles", spy)
    monkeypatch.setattr(networks, "available_memory", lambda: 7_000_000)
    tiled = magnify(lbvmm(), pictures)
    assert used
    assert (tiled[-1] - whole[-1]).abs().max() <= 1


@pytest.mark.parametrize("build", [FD4MM, LBVMM])
@torch.inference_mode()
def test_too_little_memory_is_said_before_anything_is_computed(
    build: type[FD4MM | LBVMM], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(build(), Runtime(torch.device("cpu"), "fp32"))
    monkeypatch.setattr(networks, "available_memory", lambda: 10_000_000)
    pictures = torch.zeros(1, 720, 1280, 3, dtype=torch.uint8)
    with pytest.raises(MagnifyError, match=r"1280x720 needs about 0.[36] GB in"):
        network.encode_shape(pictures)
