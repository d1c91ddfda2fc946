"""`magnify slice`: the right pixels, one a frame, in the right order."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from magnify.analysis.png import write_png
from magnify.cli import app
from support.moving import filmed, write_lossless
from support.videos import ffmpeg

FRAMES, RATE, HEIGHT, WIDTH = 12, 5.0, 24, 32


def colours(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (FRAMES, HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lossless(tmp_path_factory.mktemp("clips") / "c.mkv", colours(), RATE)


def cut(clip: Path, output: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(
        app, ["slice", str(clip), "-o", str(output), *map(str, arguments), "-q"]
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (["--column", 7], colours()[:, :, 7].swapaxes(0, 1)),
        (["--row", 5], colours()[:, 5]),
        (["--row", 5, "--transpose"], colours()[:, 5].swapaxes(0, 1)),
        (["--line", "3,4,20,4"], colours()[:, 4, 3:21]),
        (["--line", "10,20,10,2"], colours()[:, 20:1:-1, 10].swapaxes(0, 1)),
        (
            ["--column", 7, "--width", 3],
            np.rint(colours()[:, :, 6:9].mean(axis=2)).swapaxes(0, 1),
        ),
    ],
    ids=["column", "row", "transposed", "part of a row", "upwards", "width"],
)
def test_pixels_are_those_of_the_frames(
    clip: Path, tmp_path: Path, where: list[str | int], expected: NDArray[np.float64]
) -> None:
    result = cut(clip, tmp_path / "s.png", *map(str, where))
    assert result.exit_code == 0, result.stderr
    assert np.array_equal(iio.imread(tmp_path / "s.png"), expected)


def test_a_slanted_line_has_a_pixel_for_each_of_its_length(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    ramp = filmed(3.0 * columns + 2.0 * rows)
    clip = write_lossless(tmp_path / "c.mkv", [ramp] * 3, RATE)
    assert cut(clip, tmp_path / "s.png", "--line", "2,3,14,19").exit_code == 0
    found = iio.imread(tmp_path / "s.png")
    assert found.shape == (21, 3, 3)  # 12 to the right and 16 down are 20 long
    along = np.linspace(0, 1, 21)
    expected = 3 * (2 + 12 * along) + 2 * (3 + 16 * along)
    assert found[:, 0, 0] == pytest.approx(expected, abs=0.51)


def test_deeper_clips_give_deeper_slices(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    deep = np.random.default_rng(1).integers(0, 65536, (3, HEIGHT, WIDTH, 3), np.uint16)
    for number, picture in enumerate(deep):
        write_png(picture, frames / f"{number}.png")
    result = cut(frames, tmp_path / "s.png", "--column", "4", "--fps", "10")
    assert result.exit_code == 0, result.stderr
    samples = ffmpeg("-i", tmp_path / "s.png", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-")
    found = np.frombuffer(samples, "<u2").reshape(HEIGHT, 3, 3)
    assert np.array_equal(found, deep[:, :, 4].swapaxes(0, 1))


def test_marks_stand_at_every_second(clip: Path, tmp_path: Path) -> None:
    assert cut(clip, tmp_path / "s.png", "--column", "4", "--marks").exit_code == 0
    strip = iio.imread(tmp_path / "s.png")[HEIGHT:, :, 0]
    assert strip.shape == (6, FRAMES)
    assert list(np.flatnonzero(strip[0] == 0)) == [0, 5, 10]


def test_others_stand_below_with_a_rule_and_a_label(clip: Path, tmp_path: Path) -> None:
    other = write_lossless(tmp_path / "other.mkv", colours(1)[:9], RATE)
    assert cut(clip, tmp_path / "s.png", "--column", "4", "--with", other).exit_code == 0
    found = iio.imread(tmp_path / "s.png")
    label = found.shape[0] // 2 - 2 - HEIGHT
    assert np.array_equal(found[label : label + HEIGHT], colours()[:, :, 4].swapaxes(0, 1))
    assert np.array_equal(found[-HEIGHT:, :9], colours(1)[:9, :, 4].swapaxes(0, 1))
    assert (found[-HEIGHT:, 9:] == 255).all()
    assert (found[label + HEIGHT : label + HEIGHT + 4] == 255).all()
    assert (found[:label] < 200).any()  # something is written there


def test_a_turned_clip_is_cut_as_it_is_shown(clip: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mov"
    ffmpeg("-display_rotation", "90", "-i", clip, "-c:v", "libx264", "-qp", "0", "-pix_fmt",
           "yuv444p", turned)  # fmt: skip
    assert cut(turned, tmp_path / "s.png", "--column", "23").exit_code == 0
    assert iio.imread(tmp_path / "s.png").shape == (WIDTH, FRAMES, 3)
    assert cut(turned, tmp_path / "t.png", "--column", "24").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of --row, --column and --line"),
        (["--row", "1", "--column", "1"], "give one of"),
        (["--row", "24"], "leaves the picture"),
        (["--column", "31", "--width", "3"], "leaves the picture"),
        (["--row", "3", "--width", "10"], "1 to 9 pixels wide"),
        (["--line", "3,3,3,3"], "from one place to another"),
        (["--line", "3,3"], "is no line"),
    ],
    ids=str,
)
def test_what_cannot_be_leaves_nothing(
    clip: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = cut(clip, tmp_path / "s.png", *arguments)
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_exists_is_replaced_only_when_asked(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "s.png").write_bytes(b"mine")
    assert cut(clip, tmp_path / "s.png", "--row", "1").exit_code == 2
    assert (tmp_path / "s.png").read_bytes() == b"mine"
    assert cut(clip, tmp_path / "s.png", "--row", "1", "-y").exit_code == 0
