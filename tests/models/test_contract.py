"""What every model of the registry keeps, whatever it is."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import magnify
from magnify.checkpoints import MODELS, model_class
from magnify.engine.frames import padded, to_model
from magnify.engine.network import Network
from magnify.motion.registration import displacement
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine, load_engine

PACKAGE = Path(magnify.__file__).parent


@pytest.fixture(scope="module", params=MODELS)
def each(request: pytest.FixtureRequest) -> Engine:
    return load_engine(request.param, "cpu", "fp32")


def swaying(
    shifts: list[float], height: int = 56, width: int = 72, dtype: type = np.uint8
) -> NDArray[np.uint8]:
    """A smooth coloured texture, shifted right by so many pixels: (T, H, W, 3)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(float)
    pictures = []
    for shift in shifts:
        x = columns - shift
        texture = np.sin(x / 2.7 + rows / 6) + np.sin(x / 5 - rows / 3.1) + np.sin(rows / 2.3)
        pictures.append(127.5 + 35 * texture[..., None] * np.array([1.0, 0.9, 0.8]))
    full = np.iinfo(dtype).max
    return np.rint(np.array(pictures) * (full / 255)).astype(dtype)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    full = float(np.iinfo(first.dtype).max)
    return float(-10 * np.log10(np.mean((first / full - second / full) ** 2) + 1e-12))


def magnified(
    engine: Engine, pictures: NDArray[np.uint8], alpha: float, mode: Mode
) -> NDArray[np.uint8]:
    output = magnify.magnify_frames(pictures, alpha=alpha, mode=mode, weights=engine)
    return np.asarray(output)


def test_a_model_states_its_facts(each: Engine) -> None:
    model = each.network.model
    chosen = model_class(each.model)
    assert model.name == each.model
    assert type(model) is chosen
    for text in (chosen.paper, chosen.good_at):
        assert text
        assert "\n" not in text
    assert chosen.bytes_per_pixel > 0
    assert chosen.has_weights == (each.sha256 is not None) == bool(list(model.parameters()))


@pytest.mark.parametrize("size", [(56, 72), (41, 57), (17, 90)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_1_returns_the_input(each: Engine, size: tuple[int, int], dtype: type) -> None:
    pictures = swaying([0, 0.3], *size, dtype)
    output = magnified(each, pictures, 1.0, Static())
    assert output.shape == pictures.shape
    assert output.dtype == dtype
    # What a network reconstructs, it has learnt; what a method inverts, it inverts.
    assert psnr(output, pictures) > (30 if each.sha256 else 55)


@pytest.mark.parametrize("mode", [Static(), Dynamic(), Bandpass(1, 4)], ids=lambda m: m.label)
def test_streaming_equals_the_whole_clip(
    each: Engine, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = swaying([0.2 * np.sin(t) for t in range(7)], 33, 40)
    outputs = []
    for size in (1, 3, 7):
        monkeypatch.setattr(Network, "chunk_size", lambda self, height, width, size=size: size)
        outputs.append(magnified(each, pictures, 5.0, mode).astype(int))
    assert max(np.abs(output - outputs[0]).max() for output in outputs) <= 1


def test_motion_grows_by_alpha_where_it_is_motion_that_grows(each: Engine) -> None:
    inside = np.zeros((56, 72), bool)
    inside[12:-12, 12:-12] = True
    pictures = swaying([0.0, 0.2])
    for alpha in (5.0, 10.0):
        _, output = magnified(each, pictures, alpha, Static())
        moved = displacement(pictures[0], output, inside, reach=4)
        factor = alpha if each.network.model.grows == "motion" else 1.0
        assert moved.dx == pytest.approx(0.2 * factor, rel=0.2)
        assert abs(moved.dy) < 0.2


def test_alpha_0_leaves_less_motion_than_there_was(each: Engine) -> None:
    if each.network.model.grows != "motion":
        pytest.skip(f"{each.model} moves nothing")
    pictures = swaying([0.0, 0.8])
    _, output = magnified(each, pictures, 0.0, Static())
    inside = np.zeros((56, 72), bool)
    inside[12:-12, 12:-12] = True
    assert abs(displacement(pictures[0], output, inside, reach=4).dx) < 0.6


@torch.inference_mode()
def test_shapes_are_float32_and_as_large_as_it_says(each: Engine) -> None:
    model = each.network.model
    frames = to_model(torch.from_numpy(swaying([0, 0.4, 0.6], 41, 57)), model)
    assert frames.shape[-2:] == (padded(41, model), padded(57, model))
    texture, shape = model.encode(frames)
    assert shape.dtype == torch.float32
    assert all(len(part) == 3 for part in (*texture, shape))
    assert torch.allclose(model.encode_shape(frames), shape, atol=1e-5)
    motion = model.difference(shape, shape[:1])
    assert motion[0].numel() == model.shape_elements(*frames.shape[-2:])
    assert motion.dim() == shape.dim() == 4
    assert not motion[0].abs().max() > 1e-6
    single = model.encode_shape(frames[1:2])
    assert torch.allclose(single, shape[1:2], atol=1e-4)


@torch.inference_mode()
def test_tiles_equal_the_whole_frame_where_the_model_sees_only_so_far(each: Engine) -> None:
    network = each.network
    if network.model.stage_radii is None:
        pytest.skip(f"{each.model} is never tiled: an output pixel sees the whole frame")
    pictures = torch.from_numpy(swaying([0.0, 0.4], 320, 24))
    size = (320, 24)
    outputs = []
    for rows in (320, 40):
        network._tile_rows[size] = rows
        texture, shape = network.encode(pictures)
        motion = network.model.difference(shape, shape[:1])
        outputs.append(network.decode(texture, shape, motion, 5.0, like=pictures).int())
    del network._tile_rows[size]
    assert (outputs[0] - outputs[1]).abs().max() <= 1


def test_no_model_is_named_outside_its_own_file_the_checkpoints_and_the_laboratory() -> None:
    names = re.compile(
        "|".join(rf"\b{name}\b" for name in MODELS if model_class(name).has_weights), re.I
    )
    homes = ("checkpoints/", "lab/", "cli/lab/", *(f"models/{name}.py" for name in MODELS))
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE).as_posix()
        if not place.startswith(homes):
            found = names.findall(file.read_text(encoding="utf-8"))
            assert not found, f"{place} names {found}"
