"""Scenes: their motion is the drawn motion, and the five parts are what they claim."""

import math
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from scipy import ndimage

from magnify.errors import SettingsError
from magnify.lab.synthesis import (
    BatchSettings,
    Layer,
    Part,
    Photographs,
    Scenes,
    SceneSettings,
    SyntheticPairs,
    draw_scenes,
)
from magnify.lab.synthesis.cutouts import halvings, premultiplied
from magnify.lab.synthesis.strings import draw_strings
from support.synthesis_pictures import random_photographs

SIZE = 72
SETTINGS = SceneSettings(
    size=SIZE, objects=(2, 2), alpha=(1.5, 30.0), magnified_motion=8.0, strings=0.0
)


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    return random_photographs()


def scenes_of(part: Part, photographs: Photographs, count: int = 4, seed: int = 0) -> Scenes:
    parts = torch.full((count,), int(part))
    return draw_scenes(photographs, SETTINGS, parts, torch.Generator().manual_seed(seed))


def factors(scenes: Scenes, *values: float) -> torch.Tensor:
    return torch.tensor(values).expand(len(scenes.alpha), -1)


def registered(
    reference: np.ndarray, moved: np.ndarray, guess: np.ndarray, margin: int
) -> np.ndarray:
    """Displacement (y, x) from (3, H, W) to (3, H, W), by Gauss-Newton on spline interpolation."""
    inner = (slice(None), slice(margin, -margin), slice(margin, -margin))
    displacement = guess.copy()
    for _ in range(8):
        shifted = ndimage.shift(reference, (0, *displacement), order=5, mode="nearest")
        slopes = [-np.gradient(shifted, axis=axis)[inner].ravel() for axis in (1, 2)]
        error = (moved - shifted)[inner].ravel()
        displacement += np.linalg.lstsq(np.stack(slopes, axis=1), error, rcond=None)[0]
    return displacement


@pytest.mark.parametrize("seed", range(3))
def test_displacement_is_the_drawn_motion(photographs: Photographs, seed: int) -> None:
    scenes = scenes_of(Part.BACKGROUND_ONLY, photographs, seed=seed)
    steps = torch.stack((torch.zeros_like(scenes.alpha), scenes.alpha**0, scenes.alpha), dim=1)
    frames = scenes.render(steps).double().numpy()
    drawn = scenes.displacement(steps)[:, :, 0].double().numpy()
    for scene in range(len(frames)):
        for frame in (1, 2):
            measured = registered(
                frames[scene, 0], frames[scene, frame], np.round(drawn[scene, frame]), margin=16
            )
            assert np.abs(measured - drawn[scene, frame]).max() < 0.02


def test_target_is_alpha_times_the_query(photographs: Photographs) -> None:
    scenes = scenes_of(Part.ALL_MOVE, photographs)
    steps = torch.stack((scenes.alpha**0, scenes.alpha), dim=1)
    once, magnified = scenes.displacement(steps).unbind(dim=1)
    torch.testing.assert_close(magnified, once * scenes.alpha[:, None, None])
    assert once.norm(dim=-1).max() <= SETTINGS.input_motion
    assert magnified.norm(dim=-1).max() <= SETTINGS.magnified_motion + 1e-4


def test_alpha_one_target_is_the_query(photographs: Photographs) -> None:
    settings = SceneSettings(size=SIZE, objects=(2, 2), alpha=(1.0, 1.0), magnified_motion=8.0)
    parts = torch.arange(5)
    scenes = draw_scenes(photographs, settings, parts, torch.Generator().manual_seed(5))
    query, target = scenes.render(torch.stack((scenes.alpha**0, scenes.alpha), dim=1)).unbind(1)
    assert torch.equal(query, target)


def test_still_scenes_do_not_move(photographs: Photographs) -> None:
    scenes = scenes_of(Part.STILL, photographs)
    reference, target = scenes.render(factors(scenes, 0.0, 30.0)).unbind(1)
    assert torch.equal(reference, target)
    assert scenes.coverage(factors(scenes, 0.0))[:, 0, 1:].sum() > 0, "objects are there"


def test_background_only_has_no_objects(photographs: Photographs) -> None:
    scenes = scenes_of(Part.BACKGROUND_ONLY, photographs)
    assert scenes.coverage(factors(scenes, 1.0))[:, :, 0].min() == 1
    assert scenes.layers[0].motion.norm(dim=1).min() > 0


def test_objects_move_before_a_still_background(photographs: Photographs) -> None:
    scenes = scenes_of(Part.OBJECTS_MOVE, photographs)
    assert scenes.layers[0].motion.abs().max() == 0
    assert min(layer.motion.norm(dim=1).min() for layer in scenes.layers[1:]) > 0
    steps = factors(scenes, 0.0, 5.0)
    reference, target = scenes.render(steps).unbind(1)
    still = ((scenes.coverage(steps)[:, :, 0] - 1).abs() < 1e-6).all(dim=1)
    difference = (reference - target).abs().amax(dim=1)
    assert difference[still].max() < 1e-5
    assert difference[~still].max() > 0.05


def test_blurred_background_is_smoother(photographs: Photographs) -> None:
    def detail(part: Part) -> torch.Tensor:
        frames = scenes_of(part, photographs, count=12).layers[0]
        rendered = frames.render(SIZE, SIZE, torch.zeros(12, 1))
        return rendered.diff(dim=-1).abs().mean()

    assert detail(Part.BLURRED_BACKGROUND) < 0.7 * detail(Part.ALL_MOVE)


def test_all_layers_move_apart(photographs: Photographs) -> None:
    for part in (Part.ALL_MOVE, Part.BLURRED_BACKGROUND):
        motion = scenes_of(part, photographs).displacement(torch.ones(4, 1))[:, 0]
        assert motion.norm(dim=-1).min() > 0
        assert (motion[:, :1] - motion[:, 1:]).norm(dim=-1).min() > 0


def test_coverage_sums_to_one(photographs: Photographs) -> None:
    scenes = scenes_of(Part.ALL_MOVE, photographs)
    total = scenes.coverage(factors(scenes, 0.0, 1.0, 7.0)).sum(dim=2)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_scaled_pictures_do_not_alias() -> None:
    """A chequerboard far beyond the frame's Nyquist frequency becomes even grey."""
    board = (np.indices((400, 400)).sum(axis=0) % 2 * 255).astype(np.uint8)
    background = torch.from_numpy(board).expand(3, -1, -1)
    cutout = torch.full((4, 40, 40), 255, dtype=torch.uint8)
    settings = SceneSettings(
        size=64, objects=(1, 1), magnified_motion=4.0, background_scale=(3.0, 3.0)
    )
    scenes = draw_scenes(
        Photographs((background,), (cutout,)),
        settings,
        torch.tensor([int(Part.BACKGROUND_ONLY)]),
        torch.Generator().manual_seed(0),
    )
    frame = scenes.render(torch.zeros(1, 1))
    assert (frame - 127.5 / 255).abs().max() < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_strings_are_thin_and_move_as_drawn(photographs: Photographs, seed: int) -> None:
    settings = SceneSettings(
        size=96, objects=(1, 1), alpha=(4.0, 4.0), strings=1.0, string_length=(0.4, 0.4)
    )
    parts = torch.full((4,), int(Part.OBJECTS_MOVE))
    scenes = draw_scenes(photographs, settings, parts, torch.Generator().manual_seed(seed))
    string = scenes.layers[1]
    centred = string.extent / 2 - 48 * string.scale[:, None]
    string = replace(string, origin=centred)
    opacity = string.render(96, 96, factors(scenes, 0.0, 1.0))[:, :, 3:].double().numpy()
    for (rest, moved), motion in zip(opacity, string.motion.double().numpy(), strict=True):
        np.testing.assert_allclose(registered(rest, moved, motion, 8), motion, atol=0.02)
        assert 0.9 * 38 < rest.sum() < 5 * 2**0.5 * 38


def test_colours_of_strings_are_premultiplied() -> None:
    generator = torch.Generator().manual_seed(0)
    sides = torch.randint(30, 41, (20,), generator=generator)
    squares = sides[:, None].expand(-1, 2)
    strings = list(draw_strings(sides, 0 * squares, squares, generator, torch.device("cpu")))
    for string, side in zip(strings, sides.tolist(), strict=True):
        assert string.shape == (4, side, side)
        assert string.min() >= 0
        assert (string[:3] <= string[3:]).all()
        assert string[3].max() <= 1


def test_strings_are_drawn_as_far_as_they_come_into_the_frame(photographs: Photographs) -> None:
    def string(magnified_motion: float) -> Layer:
        settings = SceneSettings(
            size=SIZE,
            objects=(1, 1),
            alpha=(10.0, 10.0),
            magnified_motion=magnified_motion,
            strings=1.0,
            string_length=(4.0, 4.0),
        )
        parts = torch.full((12,), int(Part.OBJECTS_MOVE))
        generator = torch.Generator().manual_seed(7)
        return draw_scenes(photographs, settings, parts, generator).layers[1]

    cut, whole = string(8.0), string(1000.0)
    assert (cut.extent < SIZE + 2 * (8 + 2 * cut.reach)).all()
    assert (whole.extent == 4 * SIZE).all()
    steps = torch.tensor([0.0, 1.0, 10.0]).expand(12, -1)
    rendered = replace(whole, motion=cut.motion).render(SIZE, SIZE, steps)
    torch.testing.assert_close(cut.render(SIZE, SIZE, steps), rendered, atol=1e-4, rtol=0)
    assert (rendered[:, :, 3] > 0.5).any(dim=3).sum() > 12 * 3 * SIZE / 2, "strings are there"


def test_cut_outs_are_halved_until_they_would_be_too_short() -> None:
    board = torch.zeros(4, 90, 71, dtype=torch.uint8)
    board[3], board[:, :, 1::2] = 255, 255
    cutouts = [board, board, board[:, :50, :60]]
    halved = list(premultiplied(cutouts, [2, 0, 1], at_once=2))
    assert [tuple(picture.shape) for picture in halved] == [(4, 23, 18), (4, 90, 71), (4, 25, 30)]
    torch.testing.assert_close(halved[1], board / 255)
    inner = halved[0][:, :22, :17]
    torch.testing.assert_close(inner, torch.tensor([0.5, 0.5, 0.5, 1.0])[:, None, None] + 0 * inner)
    assert halved[0][3, -1, 0] == 0.5, "beyond its edge a picture is transparent"
    assert [halvings(board, longest) for longest in (91, 46, 45, 23, 22, 1)] == [0, 0, 1, 1, 2, 7]


def test_without_strings_a_seed_gives_cut_outs_alone(photographs: Photographs) -> None:
    parts = torch.zeros(8)
    scenes = draw_scenes(photographs, SETTINGS, parts, torch.Generator().manual_seed(0))
    for layer in scenes.layers[1:]:
        covered = layer.pixels[:, 3].sum(dim=(1, 2)) / layer.extent.prod(dim=1)
        assert (covered > 0.5).all()


def test_scenes_may_be_without_objects(photographs: Photographs) -> None:
    settings = replace(SETTINGS, objects=(0, 0), strings=0.5)
    parts = torch.full((2,), int(Part.ALL_MOVE))
    scenes = draw_scenes(photographs, settings, parts, torch.Generator().manual_seed(0))
    assert len(scenes.layers) == 1
    assert scenes.render(torch.zeros(2, 1)).shape == (2, 1, 3, SIZE, SIZE)


def test_parts_take_turns_in_equal_shares(photographs: Photographs) -> None:
    source = SyntheticPairs(photographs)
    batch_settings = BatchSettings(batch=4, crop=32, magnified_motion=4.0)
    parts = torch.cat([source.scenes(index, batch_settings).part for index in range(5)])
    assert torch.bincount(parts, minlength=5).tolist() == [4, 4, 4, 4, 4]


def test_alpha_is_log_uniform(photographs: Photographs) -> None:
    settings = SceneSettings(size=16, objects=(1, 1), alpha=(1.0, 100.0), magnified_motion=1.0)
    parts = torch.full((400,), int(Part.STILL))
    alpha = draw_scenes(photographs, settings, parts, torch.Generator().manual_seed(1)).alpha
    assert alpha.min() >= 1
    assert alpha.max() <= 100
    assert alpha.log().mean() / math.log(100) == pytest.approx(0.5, abs=0.05)


def test_small_photographs_are_reflected_as_often_as_it_takes() -> None:
    """Of a ramp of 5 pixels, a frame of 48 shows a zigzag; nothing of it is black."""
    ramp = torch.arange(100, 250, 30, dtype=torch.uint8).expand(3, 5, 5)
    cutout = torch.zeros(4, 40, 40, dtype=torch.uint8)
    settings = replace(SETTINGS, size=48, softness=(1.0, 1.0), background_scale=(1.0, 1.0))
    parts = torch.tensor([int(Part.STILL)])
    scenes = draw_scenes(
        Photographs((ramp,), (cutout,)), settings, parts, torch.Generator().manual_seed(0)
    )
    (rows,) = 255 * scenes.render(torch.zeros(1, 1))[0, :, 0]
    torch.testing.assert_close(rows, rows[:1].expand_as(rows))
    torch.testing.assert_close(rows[0, 10:], rows[0, :-10])
    assert 95 < rows.min() < 110
    assert 210 < rows.max() < 225


def write_png(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    iio.imwrite(path, picture, plugin="pillow")
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a photograph and one with a cut-out."""
    photographs = random_photographs()
    images, objects = tmp_path / "images", tmp_path / "objects"
    for folder, (picture, *_) in (
        (images, photographs.backgrounds),
        (objects, photographs.cutouts),
    ):
        write_png(folder / "0.png", picture.permute(1, 2, 0).numpy())
    return images, objects


def test_16_bit_grey_keeps_its_levels(folders: tuple[Path, Path]) -> None:
    images, objects = folders
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    for suffix in ("png", "tif"):
        write_png(images / f"1.{suffix}", ramp.round().astype(np.uint16))
    for picture in Photographs.load(images, objects).backgrounds[1:]:
        assert picture.shape == (3, 64, 64)
        assert np.abs(picture.numpy() - ramp / 257).max() < 0.6


@pytest.mark.parametrize("white", [np.full(3, 255, dtype=np.uint8), np.uint16(65535)])
def test_a_photograph_is_turned_upright(
    white: np.ndarray | np.uint16, folders: tuple[Path, Path]
) -> None:
    images, objects = folders
    picture = np.zeros((64, 96, *white.shape), dtype=white.dtype)
    picture[:, :48] = white
    turned = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    iio.imwrite(images / "1.png", picture, plugin="pillow", exif=turned)
    upright = Photographs.load(images, objects).backgrounds[1]
    assert upright.shape == (3, 96, 64)
    assert upright[:, :48].unique().tolist() == [255]
    assert upright[:, 48:].unique().tolist() == [0]


def test_the_first_picture_of_an_animation_is_taken(folders: tuple[Path, Path]) -> None:
    images, objects = folders
    pictures = np.stack([np.full((64, 64, 3), level, dtype=np.uint8) for level in (10, 200)])
    iio.imwrite(images / "1.png", pictures, plugin="pillow", is_batch=True)
    assert set(Photographs.load(images, objects).backgrounds[1].unique().tolist()) == {10}


def test_a_damaged_picture_is_named(folders: tuple[Path, Path]) -> None:
    images, objects = folders
    path = images / "0.png"
    content = bytearray(path.read_bytes())
    first = content.index(b"IDAT")
    content[content.index(b"IDAT", first + 4)] = 0  # the name of the next chunk
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"{path} is not a readable picture \(.+\); repair"):
        Photographs.load(images, objects)


@pytest.mark.parametrize(
    ("alpha", "message"), [(255, "has no transparency"), (0, "is transparent all over")]
)
def test_objects_without_an_outline_are_refused(
    alpha: int, message: str, folders: tuple[Path, Path]
) -> None:
    images, objects = folders
    path = write_png(objects / "1.png", np.full((70, 70, 4), alpha, dtype=np.uint8))
    with pytest.raises(SettingsError, match=f"{path} {message}"):
        Photographs.load(images, objects)


def test_empty_folder_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(SettingsError, match="holds no pictures"):
        Photographs.load(tmp_path, tmp_path)
    with pytest.raises(SettingsError, match="is not a folder"):
        Photographs.load(tmp_path / "absent", tmp_path)
