"""`magnify evaluate` and the still regions of real clips."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.errors import SettingsError
from magnify.lab.evaluation import Method, StillScore, evaluate_still, nothing, oracle
from magnify.motion.regions import Region
from magnify.video import Picture
from support.clips import drifting_pattern, write_clip
from support.lpips import lpips_state


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for folder, channels in (("images", 3), ("objects", 4)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        coarse = random.integers(0, 256, (30, 30, channels), np.uint8)
        picture = coarse.repeat(8, axis=0).repeat(8, axis=1)
        picture[..., 3:] = 255
        picture[0, :, 3:] = 0
        iio.imwrite(tmp_path / "data" / folder / "0.png", picture)
    return tmp_path / "data"


SMALL = ("--size", 96, "--scenes", 1, "--alpha", 10, "--peak", 6, "--noise", 0)


def test_json_of_a_baseline(data: Path) -> None:
    result = evaluate("scenes", data, "--model", "nothing", *SMALL, "--json")

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["model"] == "nothing"
    degraded = {
        (row["moves"], *(kind for kind, present in row["degradation"].items() if present))
        for row in report["synthetic"]
    }
    assert degraded == {
        ("object",),
        ("object", "compressed"),
        ("object", "recoloured"),
        ("background",),
        ("background", "compressed"),
        ("background", "recoloured"),
        ("nothing", "compressed"),
    }
    assert report["synthetic"][0]["gain"] == pytest.approx(0.1, abs=0.005)
    assert report["synthetic"][-1]["gain"] is None


def test_table_of_a_network_fits_a_terminal(data: Path) -> None:
    result = evaluate("scenes", data, "--model", "lbvmm", *SMALL, "--device", "cpu", "--quiet")

    assert result.exit_code == 0, result.stderr
    assert "96 px, object moves, 6 px" in result.stdout
    assert "…" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_lpips_is_measured_if_its_weights_are_given(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "alex.pth"
    torch.save(lpips_state(), path)

    table = evaluate("scenes", data, "--model", "nothing", *SMALL, "--lpips", path, "--quiet")
    reports = [
        json.loads(evaluate("scenes", data, "--model", name, *SMALL, *given, "--json").stdout)
        for name, given in (
            ("nothing", ("--lpips", path)),
            ("oracle", ("--lpips", path)),
            ("oracle", ()),
        )
    ]

    assert "LPIPS" in table.stdout
    assert "…" not in table.stdout
    assert max(map(len, table.stdout.splitlines())) <= 80
    nothing, perfect, without = ([row["lpips"] for row in r["synthetic"]] for r in reports)
    assert max(perfect) < 1e-3 < min(nothing)
    assert set(without) == {None}


def test_a_gain_says_of_how_many_scenes_it_is_the_mean(data: Path, tmp_path: Path) -> None:
    flat = np.full((240, 240, 4), (200, 60, 60, 255), np.uint8)
    flat[0] = 0  # cut-outs have transparency
    iio.imwrite(data / "objects" / "flat.png", flat)
    path = tmp_path / "alex.pth"
    torch.save(lpips_state(), path)
    two = [2 if given == "--scenes" else value for given, value in pairwise((None, *SMALL))]
    some = ("scenes", data, "--model", "nothing", *two)

    table = evaluate(*some, "--lpips", path, "--quiet").stdout
    rows = json.loads(evaluate(*some, "--json").stdout)["synthetic"]

    gains = {row["moves"]: row["gain_scenes"] for row in rows}
    assert {row["scenes"] for row in rows} == {2}
    assert gains == {"object": 1, "background": 2, "nothing": 0}
    assert all(
        row["gain"] == pytest.approx(0.1, abs=0.005)
        for row in rows
        if row["degradation"] == {"noise": 0.0, "compressed": False, "recoloured": False}
    )
    clean = [line for line in table.splitlines() if line.strip().startswith("clean")]
    assert [" 0.099 (1/2) " in line for line in clean] == [True, False]
    assert "(1/2): the mean of 1 of 2 scenes" in table
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= 80


def test_plot(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "scores.png"

    result = evaluate("scenes", data, "--model", "oracle", *SMALL, "--plot", plot, "-q")

    assert result.exit_code == 0, result.stderr
    assert iio.imread(plot).ndim == 3


def test_a_quick_look_takes_what_it_is_asked_for(data: Path) -> None:
    shape = ("--size", 96, "--peak", 6, "--noise", 0, "--json")
    quick, asked = (
        json.loads(evaluate("scenes", data, "--model", "nothing", *shape, "--quick", *more).stdout)
        for more in ((), ("--scenes", 2, "--alpha", 10))
    )
    assert quick["scenes"] == 1
    assert {row["alpha"] for row in quick["synthetic"]} == {1.0, 20.0}
    assert asked["scenes"] == 2
    assert {row["alpha"] for row in asked["synthetic"]} == {10.0}


def test_plot_without_matplotlib_is_refused_before_any_work(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    result = evaluate("scenes", data, "--model", "oracle", "--plot", "scores.png")

    assert result.exit_code == 2
    assert result.stderr == (
        "magnify: error: a plot needs matplotlib: pip install 'magnify-video[evaluate]'\n"
    )


STILL = ("still", "x.mp4", "--region")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "x"), "No such option: --data"),
        (("scenes",), "Missing argument 'data'"),
        (("videos",), "Missing argument 'data'"),
        (("still", "x.mp4"), "Missing option '--region'"),
        ((*STILL, "0,0,8"), "'0,0,8' is no region"),
        ((*STILL, "0,0,8,8", "--alpha", "0"), "alpha must be a number of 0.001 or more"),
        (("scenes", "missing", "--model", "nothing"), "missing"),
        (("videos", "missing", "--model", "nothing"), "missing holds no test videos"),
        (("scenes", "x", "--model", "foo"), "choose one of fd4mm, lbvmm, quick, nothing, oracle"),
        (("scenes", "x", "--model", "nothing", "--peak", "40"), "peak must be less than 40"),
        (("scenes", "x", "--model", "oracle", "--weights", "y"), "exclude each other"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    result = evaluate(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere/scores.png", "is not a folder"), ("scores.doc", "ends in .png, .pdf, .svg")],
)
def test_a_plot_that_cannot_be_written_is_refused_before_any_work(
    name: str, message: str, data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    result = evaluate("scenes", data, "--model", "oracle", "--plot", tmp_path / name)

    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_still_region_of_a_clip(tmp_path: Path) -> None:
    pictures = drifting_pattern(6, 40, 48, step=0.5)
    pictures[:, :, :24] = 90
    clip = write_clip(tmp_path / "clip.mp4", pictures)
    arguments = ("still", clip, "--region", "0,0,16,40", "--region", "24,0,24,40")

    result = evaluate(*arguments, "--model", "nothing", "--alpha", 20, "--frames", 4, "--json")

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["still_frames"] == 4
    assert "scenes" not in report
    still, moving = report["still"]
    assert still["region"] == [0, 0, 16, 40]
    assert still["output"] == still["input"]
    assert max(still["input"]) < 0.5
    assert moving["input"][0] > 5
    table = evaluate(*arguments, "--model", "nothing", "--alpha", 20)
    assert "24,0,24,40" in table.stdout
    assert "stabilised: without the camera's sway" in table.stdout


@pytest.mark.parametrize("kind", ["no texture", "too far"])
def test_the_cameras_sway_may_be_unknown(kind: str, tmp_path: Path) -> None:
    pictures = np.full((4, 40, 48, 3), 90, np.uint8)
    if kind == "too far":
        blocks = np.random.default_rng(0).integers(0, 256, (10, 40, 3), np.uint8)
        scene = blocks.repeat(4, axis=0).repeat(4, axis=1)
        pictures = np.stack([scene[:, 20 * frame :][:, :48] for frame in range(4)])
    clip = write_clip(tmp_path / "clip.mp4", pictures)
    arguments = ("still", clip, "--model", "nothing", "--region", "0,0,16,40")

    (row,) = json.loads(evaluate(*arguments, "--alpha", 20, "--json").stdout)["still"]

    assert row["stabilised"] is row["sway"] is None
    table = evaluate(*arguments, "--alpha", 20)
    assert "stabilised: none" in table.stdout


def test_a_cameras_sway_is_no_restlessness(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", drifting_pattern(5, 64, 80, step=0.2))

    def perfect(pictures: Picture, alpha: float, truth: object) -> Picture:
        return drifting_pattern(len(pictures), 64, 80, step=0.2 * alpha)

    def score(method: Method, alpha: float) -> list[StillScore]:
        regions = [Region(0, 0, 30, 64), Region(60, 10, 20, 40)]
        return list(evaluate_still(method, clip, regions, (alpha,), 5))

    left, right = score(perfect, 8)
    assert left.sway == right.sway == pytest.approx((0.2 * np.arange(5).std(), 0), abs=0.01)
    for row, unmagnified in zip((left, right), score(nothing, 8), strict=True):
        assert row.output.luma > 30
        assert row.output.chroma > 4
        assert row.stabilised is not None
        assert row.stabilised.luma < 3
        assert row.stabilised.chroma < 0.5
        assert unmagnified.stabilised is not None
        assert unmagnified.stabilised.luma > 25
    farthest, _ = score(perfect, 1000)
    assert farthest.stabilised is None, "it has left the picture"


def test_what_a_still_clip_lacks_is_told(clip: Path) -> None:
    for still, region, code, message in (
        (clip.with_name("typo.mp4"), "0,0,8,8", 1, "typo.mp4: no such file"),
        (clip, "0,0,99,8", 2, "region 0,0,99,8 leaves the picture"),
    ):
        result = evaluate("still", still, "--model", "nothing", "--region", region)
        assert result.exit_code == code
        assert message in result.stderr


def test_still_regions_are_checked(clip: Path) -> None:
    with pytest.raises(SettingsError, match="region 40,0,16,8 leaves the picture, which is 48x40"):
        list(evaluate_still(nothing, clip, [Region(40, 0, 16, 8)], (2.0,), 4))
    with pytest.raises(SettingsError, match="oracle knows the truth of synthetic videos only"):
        list(evaluate_still(oracle, clip, [Region(0, 0, 8, 8)], (2.0,), 4))
    with pytest.raises(SettingsError, match="two frames or more"):
        list(evaluate_still(nothing, clip, [Region(0, 0, 8, 8)], (2.0,), 1))
