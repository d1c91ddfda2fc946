"""A part of the picture is magnified as in the whole, and the rest stays as it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.pipeline.job import Job, Output, Source
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static
from magnify.pipeline.prepare import Engine, load_engine
from magnify.pipeline.run import run
from magnify.pipeline.selection import Selection
from magnify.video import Encoding, VideoReader
from support.clips import drifting_pattern, write_clip
from support.videos import ffmpeg

HEIGHT, WIDTH = 150, 190
MODES = [Static(), Dynamic(), Bandpass(3, 9, taps="all"), Bandpass(6, None, filter="fir")]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selection")
    return write_clip(folder / "in.mp4", drifting_pattern(5, HEIGHT, WIDTH))


def pictures(path: Path) -> NDArray[Any]:
    with VideoReader(path) as reader:
        return np.stack([frame.picture for frame in reader]).astype(int)


def made(
    engine: Engine, source: Path, output: Path, selection: Selection, mode: Mode | None = None
) -> NDArray[Any]:
    target = Output(output, Encoding(lossless=True), overwrite=True)
    run(Job(Source(source), target, mode or Static(), 9.0, engine.compute, selection), engine)
    return pictures(output)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.label)
def test_inside_it_is_as_in_the_whole_and_outside_as_it_was(
    engine: Engine, source: Path, tmp_path: Path, mode: Mode
) -> None:
    whole = made(engine, source, tmp_path / "whole.mkv", Selection(), mode)
    part = made(engine, source, tmp_path / "part.mkv", Selection((81, 13, 30, 25), None, 4), mode)
    inside = np.s_[:, 13:38, 81:111]
    assert np.abs(part[inside] - whole[inside]).max() <= 1  # of rounding
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[13 - 5 : 38 + 5, 81 - 5 : 111 + 5] = False
    original = pictures(source)
    assert np.array_equal(part[:, outside], original[:, outside])
    assert np.abs(whole[inside] - original[inside]).max() > 10


def test_only_what_the_part_needs_is_computed(engine: Engine, source: Path, tmp_path: Path) -> None:
    seen = []
    encode = engine.network.encode

    def watched(batch: Any) -> Any:
        seen.append(tuple(batch.shape[1:3]))
        return encode(batch)

    engine.network.encode = watched  # type: ignore[method-assign]
    try:
        made(engine, source, tmp_path / "part.mkv", Selection((0, 0, 10, 10), None, 0))
    finally:
        engine.network.encode = encode  # type: ignore[method-assign]
    radius = engine.network.model.receptive_radius
    assert radius is not None
    assert set(seen) == {(10 + radius, 10 + radius)}


@pytest.mark.parametrize("model", ["riesz", "linear"])
def test_where_a_model_sees_the_whole_frame_it_does(
    source: Path, tmp_path: Path, model: str
) -> None:
    engine = load_engine(model, "cpu", "fp32")
    whole = made(engine, source, tmp_path / "whole.mkv", Selection())
    part = made(engine, source, tmp_path / "part.mkv", Selection((81, 13, 30, 25), None, 0))
    inside = np.s_[:, 13:38, 81:111]
    assert np.array_equal(part[inside], whole[inside])


def test_a_mask_blends(engine: Engine, source: Path, tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[40:80, 50:90] = 255
    mask[40:80, 90:120] = 51
    Image.fromarray(mask).save(tmp_path / "mask.png")
    whole = made(engine, source, tmp_path / "whole.mkv", Selection())
    part = made(engine, source, tmp_path / "part.mkv", Selection(None, tmp_path / "mask.png", 0))
    original = pictures(source)
    assert np.array_equal(part[:, 40:80, 50:90], whole[:, 40:80, 50:90])
    share = np.s_[:, 40:80, 90:120]
    expected = original[share] + 0.2 * (whole[share] - original[share])
    assert np.abs(part[share] - expected).max() <= 1
    assert np.array_equal(part[:, mask == 0], original[:, mask == 0])


def test_a_rectangle_is_that_of_the_picture_as_displayed(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", source, "-c", "copy", turned)
    # Shown turned to the left: what is at the stored right edge is at the top.
    part = made(engine, turned, tmp_path / "part.mkv", Selection((20, 0, 40, 30), None, 0))
    changed = np.abs(part - pictures(turned)).max(axis=(0, 3)) > 0
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert columns[0] >= WIDTH - 30
    assert columns[-1] >= WIDTH - 3
    assert 20 <= rows[0] < 24
    assert 56 <= rows[-1] < 60


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_the_command_line_and_jobs_know_it(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    common = ["--model", "linear", "--json", "-q", "-o", output]
    done = invoke("run", source, "--roi", "3,4,50,60", "--feather", "2", *common)
    assert done.exit_code == 0, done.stderr
    job = json.loads(done.stdout)["job"]
    assert job["selection"] == {"roi": [3, 4, 50, 60], "mask": None, "feather": 2.0}
    assert Job.from_dict(job).selection == Selection((3, 4, 50, 60), None, 2.0)
    del job["selection"]  # as older versions saved it
    assert Job.from_dict(job).selection.is_all


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--roi", "3,4,50"), "'3,4,50' is no region"),
        (("--roi", "3,4,500,60"), "region 3,4,500,60 leaves the picture, which is 190x150"),
        (("--mask", "black.png"), "selects nothing; what is white is magnified"),
        (("--mask", "small.png"), "the mask is 8x8, and the picture 190x150"),
        (("--mask", "none.png"), "cannot be read as a mask"),
        (("--roi", "3,4,5,6", "--feather", "-1"), "'-1' should be greater than or equal to 0"),
    ],
)
def test_selections_that_cannot_be_are_refused_before_any_frame(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (WIDTH, HEIGHT)).save("black.png")
    Image.new("L", (8, 8), 255).save("small.png")
    result = invoke("run", source, *arguments, "--model", "linear", "-o", "out.mp4")
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr
    assert not Path("out.mp4").exists()
