"""Clips of shaken cameras, magnified; and first frames that lie off the others."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.motion.registration import displacement
from support.moving import filmed, texture, write_lossless
from support.videos import read_pictures

SIZE = (96, 128)
SUBJECT = np.s_[24:72, 64:112]
INSIDE = np.zeros(SIZE, bool)
INSIDE[32:64, 72:104] = True
STILL = np.zeros(SIZE, bool)
STILL[12:84, 10:50] = True
RIESZ = ("--model", "riesz", "--device", "cpu", "--lossless", "--no-cautions")


def scene(sway: float, down: float, right: float) -> NDArray[np.uint8]:
    levels = texture(size=SIZE)
    levels[SUBJECT] = texture(sway, size=SIZE, seed=1)[SUBJECT]
    return filmed(ndimage.shift(levels, (down, right), order=5, mode="nearest"))


def magnified(clip: Path, *arguments: str) -> tuple[NDArray[np.uint8 | np.uint16], Result]:
    output = clip.with_name("out.mkv")
    command = ["run", str(clip), *RIESZ, *arguments, "-o", str(output), "-y"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    return read_pictures(output), result


@pytest.fixture
def hand_held(tmp_path: Path) -> tuple[Path, NDArray[np.float64]]:
    time = np.arange(12)
    sway = 0.15 * np.sin(time)
    walk = np.random.default_rng(2).normal(0, 0.6, (12, 2)).cumsum(0).clip(-3, 3)
    walk -= walk[0]
    pictures = [scene(s, *w) for s, w in zip(sway, walk, strict=True)]
    return write_lossless(tmp_path / "in.mkv", pictures, 25), sway


@pytest.mark.parametrize("by", ["whole", "10,12,40,72"])
def test_a_hand_held_clip_is_held_still_and_its_subject_magnified(
    hand_held: tuple[Path, NDArray[np.float64]], by: str
) -> None:
    clip, sway = hand_held
    pictures, _ = magnified(clip, "--alpha", "5", "--stabilise", by)
    for picture, moved in zip(pictures[1:], sway[1:], strict=True):
        assert np.hypot(*displacement(pictures[0], picture, STILL, reach=3)) < 0.2
        shown = displacement(pictures[0], picture, INSIDE, reach=3)
        assert shown.dx == pytest.approx(5 * moved, abs=0.2)


def test_parts_of_a_stabilised_clip_are_those_of_the_whole(
    hand_held: tuple[Path, NDArray[np.float64]],
) -> None:
    clip, _ = hand_held
    arguments = ("--stabilise", "whole", "--mode", "dynamic")
    whole, _ = magnified(clip, *arguments)
    parts, _ = magnified(clip, *arguments, "--resume", "--segment-frames", "5")
    assert np.array_equal(whole, parts)


def test_what_cannot_be_stabilised_is_told(tmp_path: Path) -> None:
    pictures = [scene(0, 0, 0)] * 3 + [filmed(texture(size=SIZE, seed=7))]
    clip = write_lossless(tmp_path / "cut.mkv", pictures, 25)
    command = ["run", str(clip), *RIESZ, "--stabilise", "whole"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "cannot be stabilised 0.120 s after its beginning" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["cut.mkv"]
    for wrong in ("middle", "100,0,50,50"):
        result = CliRunner().invoke(app, [*command[:-1], wrong])
        assert result.exit_code == 2, result.stderr


def stray(tmp_path: Path, places: list[float]) -> Path:
    pictures = [scene(0.1 * np.sin(n), 0, right) for n, right in enumerate(places)]
    return write_lossless(tmp_path / "in.mkv", pictures, 25)


@pytest.mark.parametrize("out_of_place", [1, 2])
def test_first_frames_that_stray_are_no_reference(tmp_path: Path, out_of_place: int) -> None:
    clip = stray(tmp_path, [6.0] * out_of_place + [0.0] * 10)
    pictures, result = magnified(clip, "--json")
    assert f"the reference is frame {out_of_place}" in " ".join(result.stderr.split())
    assert json.loads(result.stdout)["mode"]["index"] == out_of_place
    last = pictures[-1].astype(int)
    assert np.abs(last - scene(0, 0, 0))[12:84, 10:50].mean() < 3  # no smear of 120 px
    first, result = magnified(clip, "--json", "--reference", "first")
    assert json.loads(result.stdout)["mode"]["index"] == 0
    assert np.abs(first[-1].astype(int) - scene(0, 0, 0))[12:84, 10:50].mean() > 10


@pytest.mark.parametrize(
    "places", [[0.0] * 8, [0.5 * n for n in range(12)], [0.0] * 6 + [6.0] * 4], ids=str
)
def test_what_does_not_stray_keeps_its_first_frame(tmp_path: Path, places: list[float]) -> None:
    _, result = magnified(stray(tmp_path, places), "--json", "--alpha", "2")
    assert json.loads(result.stdout)["mode"]["index"] == 0
