"""`magnify evaluate videos` on what `magnify synth videos` writes, and the classes behind it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.errors import SettingsError, VideoError
from magnify.lab.evaluation import (
    Fidelity,
    evaluate_videos,
    network,
    nothing,
    oracle,
    psnr,
    rendered_videos,
    ssim,
    temporal_deviation,
)
from magnify.lab.synthesis import Photographs
from magnify.lab.synthesis.videos import VideoCase, protocol, render_videos
from magnify.pipeline.keywords import magnify_frames
from magnify.pipeline.prepare import Engine
from magnify.video import Picture
from support.clips import read_clip
from support.lpips import lpips_state
from support.synthesis_pictures import random_photographs

CLEAN = VideoCase("alpha_10", amplitude=0.5, alpha=10)
CASES = (
    CLEAN,
    replace(CLEAN, name="alpha_10_noise_3", noise=3),
    replace(CLEAN, name="alpha_10_compressed", compressed=True),
    replace(CLEAN, name="alpha_5", alpha=5.0),
)
FRAMES = 10


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    return random_photographs()


@pytest.fixture(scope="module")
def rendered(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of 64 x 64."""
    out = tmp_path_factory.mktemp("rendered") / "videos"
    render_videos(out, photographs, CASES, scenes=2, size=64, frames=FRAMES)
    return out


@pytest.fixture
def single(rendered: Path, tmp_path: Path) -> Path:
    """One clean video that a test may damage; its scene's folder is in `tmp_path`."""
    return shutil.copytree(rendered / "00" / "alpha_10", tmp_path / "00" / "alpha_10")


def rows_of(model: str, data: Path) -> dict[str, dict[str, float]]:
    result = evaluate("videos", data, "--model", model, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["model"] == model
    return {row["name"]: row for row in report["videos"]}


def test_the_oracle_is_perfect(rendered: Path) -> None:
    rows = rows_of("oracle", rendered)

    assert [*rows] == ["alpha_5", "alpha_10", "alpha_10_compressed", "alpha_10_noise_3"]
    for row in rows.values():
        assert row["gain"] == pytest.approx(1, abs=0.002)
        assert (row["ssim"], row["psnr"]) == pytest.approx((1, 100))
        assert row["flicker"] == 0
        assert row["lpips"] is None


def test_doing_nothing_has_gain_1_over_alpha(rendered: Path) -> None:
    rows = rows_of("nothing", rendered)

    for name, row in rows.items():
        assert (row["scenes"], row["gain_scenes"]) == (2, 2)
        if not row["compressed"]:  # H.264 takes part of so small a motion away
            assert row["gain"] == pytest.approx(1 / row["alpha"], abs=0.005), name
        assert row["ssim"] < 0.95
        assert row["flicker"] > 1
    for damaged in ("alpha_10_noise_3", "alpha_10_compressed"):
        assert rows[damaged]["psnr"] < rows["alpha_10"]["psnr"]


def test_frames_are_compared_as_those_of_the_whole_video(rendered: Path) -> None:
    calls = []

    def darker(pictures: Picture, alpha: float, truth: NDArray[np.float32] | None) -> Picture:
        calls.append((len(pictures), alpha))
        return (pictures * 0.9).astype(np.uint8)

    scores = evaluate_videos(darker, rendered_videos(rendered, [5]))

    (score,) = scores.values()
    pictures, truth = (
        np.stack([read_clip(rendered / scene / "alpha_5" / name)[1:] for scene in ("00", "01")])
        for name in ("input.mkv", "truth_x5.mkv")
    )
    output = (pictures * 0.9).astype(np.uint8)
    pairs = [*zip(output, truth, strict=True)]
    assert score.ssim == pytest.approx(np.mean([ssim(*pair) for pair in pairs]))
    assert score.psnr == pytest.approx(np.mean([psnr(*pair) for pair in pairs]))
    errors = [temporal_deviation(seen - wanted.astype(float)).luma for seen, wanted in pairs]
    assert score.flicker == pytest.approx(np.mean(errors))
    assert {alpha for _, alpha in calls} == {5}
    assert max(count for count, _ in calls) < FRAMES, "not all of a video is in memory"
    assert sum(count - 1 for count, _ in calls) == 2 * (FRAMES - 1)


def test_a_network_magnifies_since_the_first_frame(single: Path, engine: Engine) -> None:
    (score,) = evaluate_videos(network(engine), rendered_videos(single.parent.parent)).values()

    whole = magnify_frames(read_clip(single / "input.mkv"), alpha=10, weights=engine)
    truth = read_clip(single / "truth_x10.mkv")
    assert score.psnr == pytest.approx(psnr(whole[1:], truth[1:]).mean(), abs=0.05)


def test_motion_beyond_what_can_be_registered_is_left_out_of_the_gain(
    photographs: Photographs, tmp_path: Path
) -> None:
    """The last of four frames is 46 pixels away."""
    far = VideoCase("far", amplitude=15.0, alpha=10.0)
    out_of_sight = replace(far, name="out_of_sight", alpha=60.0)
    render_videos(tmp_path, photographs, [far, out_of_sight], scenes=1, size=160, frames=4)

    scores = evaluate_videos(oracle, rendered_videos(tmp_path))

    assert scores[far].gain == pytest.approx(1, abs=0.002)
    assert scores[out_of_sight] == Fidelity(1.0, 100.0, None, None, 0, 0.0, 1)


def test_table_fits_a_terminal(photographs: Photographs, tmp_path: Path) -> None:
    longest = sorted(protocol(), key=lambda video: len(video.name))[-3:]
    render_videos(tmp_path / "videos", photographs, longest, scenes=1, size=64, frames=3)
    torch.save(lpips_state(), tmp_path / "alex.pth")
    arguments = ("--lpips", tmp_path / "alex.pth", "--quiet")

    result = evaluate("videos", tmp_path / "videos", "--model", "nothing", *arguments)

    assert result.exit_code == 0, result.stderr
    for text in ("nothing on videos: 1 scene", "LPIPS", *(video.name for video in longest)):
        assert text in result.stdout
    assert "…" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stderr == ""


def test_alpha_chooses_among_the_videos(rendered: Path) -> None:
    result = evaluate("videos", rendered, "--model", "nothing", "--alpha", 5, "--json")

    assert [row["name"] for row in json.loads(result.stdout)["videos"]] == ["alpha_5"]


def test_a_factor_that_no_video_has_is_refused(rendered: Path) -> None:
    arguments = ("--model", "nothing", "--alpha", 5, "--alpha", 7)

    result = evaluate("videos", rendered, *arguments)

    assert result.exit_code == 2
    assert "has no video of alpha 7; there are 5, 10" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_folders_that_are_not_as_they_were_written(single: Path) -> None:
    data = single.parent.parent
    facts = json.loads((single / "truth.json").read_text())
    without = {name: value for name, value in facts.items() if name != "alpha"}
    shorter = {**facts, "displacement": facts["displacement"][:2]}
    for wrong, message in (
        ([], "not what this version of `magnify synth videos` writes"),
        (without, "not what this version of `magnify synth videos` writes"),
        ({**without, "alphas": [10]}, "not what this version of `magnify synth videos` writes"),
        (shorter, "3 frames or more are needed, not 2"),
    ):
        (single / "truth.json").write_text(json.dumps(wrong))
        with pytest.raises(SettingsError, match=message):
            rendered_videos(data)
    facts["displacement"].pop()
    (single / "truth.json").write_text(json.dumps(facts))
    with pytest.raises(VideoError, match="differ in size or length"):
        evaluate_videos(nothing, rendered_videos(data))
    (single / "moving.png").unlink()
    with pytest.raises(SettingsError, match=r"moving\.png: is missing"):
        evaluate_videos(nothing, rendered_videos(data))


def test_a_video_that_is_missing_is_a_failure(single: Path) -> None:
    (single / "truth_x10.mkv").unlink()

    result = evaluate("videos", single.parent.parent, "--model", "nothing", "--quiet")

    assert result.exit_code == 1
    assert "truth_x10.mkv" in result.stderr
    assert len(result.stderr.splitlines()) == 1
