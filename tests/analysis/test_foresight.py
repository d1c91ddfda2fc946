"""What may spoil a magnification is said before it is made, and nothing where all is well."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from typer.testing import CliRunner, Result

from magnify.analysis.foresight import foreseen
from magnify.cli import app
from magnify.pipeline.job import Job, Output, Source
from magnify.pipeline.modes import Bandpass, Dynamic, Mode, Static
from support.clips import write_clip

SHARED = Path(os.environ.get("MAGNIFY_SHARED", Path(__file__).parents[2] / "../shared"))


def scene(shifts: list[tuple[float, float]], noise: float = 1.0) -> NDArray[np.uint8]:
    """A textured picture, moved right and down by so much in each frame; (T, 96, 128, 3)."""
    draw = np.random.default_rng(3)
    texture = ndimage.gaussian_filter(draw.normal(0, 1, (140, 172)), 1.5)
    texture = 128 + 45 * texture / texture.std()
    frames = [
        ndimage.shift(texture, (down, right), order=3, mode="reflect")[22:-22, 22:-22]
        + draw.normal(0, noise, (96, 128))
        for right, down in shifts
    ]
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=-1)


def told(tmp_path: Path, pictures: NDArray[np.uint8], mode: Mode, alpha: float = 20) -> list[str]:
    clip = write_clip(tmp_path / "clip.mp4", pictures)
    return foreseen(Job(Source(clip), Output(tmp_path / "out.mp4"), mode, alpha))


@pytest.mark.parametrize("mode", [Static(), Dynamic(), Static(mean_of=3)], ids=lambda m: m.label)
def test_a_good_clip_gets_no_caution(tmp_path: Path, mode: Mode) -> None:
    swaying = [(0.2 * np.sin(t), 0.0) for t in range(20)]
    assert told(tmp_path, scene(swaying), mode) == []


def test_a_shaken_camera_is_told_with_what_helps(tmp_path: Path) -> None:
    walk = [(0.4 * t, -0.2 * t) for t in range(20)]
    (text,) = told(tmp_path, scene(walk), Static())
    assert "the picture as a whole moves by 8" in text
    assert "use --alpha 3.7" in text
    assert told(tmp_path, scene(walk), Static(), alpha=3) == []
    assert told(tmp_path, scene(walk), Dynamic()) == []  # 0.45 px from frame to frame
    assert told(tmp_path, scene(walk), Bandpass(2, 5)) == []


def test_a_first_frame_that_strays_is_told(tmp_path: Path) -> None:
    off = [(0.0, 0.0), *[(5.0, -4.0)] * 15]
    (text,) = told(tmp_path, scene(off), Static())
    assert "the first frame lies 6.4 px off those behind it" in text
    assert "--reference 1" in text
    assert told(tmp_path, scene(off), Static(index=1)) == []


def test_repeated_frames_and_copied_blocks_are_told(tmp_path: Path) -> None:
    pictures = scene([(0.6 * t, 0.3 * np.sin(t)) for t in range(20)]).repeat(2, axis=0)
    light = 1 + 0.02 * np.sin(np.arange(20)).repeat(2)
    pictures = np.rint(pictures * light[:, None, None, None]).clip(0, 255).astype(np.uint8)
    texts = told(tmp_path, pictures, Bandpass(2, 5))
    assert any("of every 2 frames the file holds 1 repeat" in text for text in texts)
    still = scene([(0.0, 0.0)]).repeat(20, axis=0)
    texts = told(tmp_path, still, Bandpass(2, 5))
    assert any("of the textured blocks are copies of the frame before" in text for text in texts)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, arguments), "--model", "linear", "-y"])


def test_commands_say_it_first_unless_told_not_to(tmp_path: Path) -> None:
    walk = [(0.4 * t, -0.2 * t) for t in range(20)]
    clip = write_clip(tmp_path / "clip.mp4", scene(walk))
    result = run(clip, "--json")
    assert result.exit_code == 0, result.stderr
    first, *_ = result.stderr.splitlines()
    assert first.startswith("magnify: warning: the picture as a whole moves by")
    assert first.endswith(json.loads(result.stdout)["cautions"][0])
    silent = run(clip, "--json", "--no-cautions")
    assert json.loads(silent.stdout)["cautions"] == []
    assert "as a whole" not in silent.stderr
    assert "as a whole" in run(clip, "--dry-run").stderr


@pytest.mark.skipif(not SHARED.exists(), reason="needs the real clips (MAGNIFY_SHARED)")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("shelf", ["are copies", "of every 2", "the first frame lies", "as a whole moves"]),
        ("baby", []),
        ("crane_crop", []),
        ("guitar", []),
        ("throat_voice", ["of every 2"]),
    ],
)
def test_real_clips(name: str, codes: list[str]) -> None:
    texts = foreseen(Job(Source(SHARED / f"clips/{name}.mp4"), Output(Path("out.mp4"))))
    assert len(texts) == len(codes)
    assert all(code in text for code, text in zip(codes, texts, strict=True))


def test_light_that_flickers_inside_the_band_is_told(tmp_path: Path) -> None:
    swaying = [(0.1 * np.sin(n), 0.0) for n in range(48)]
    light = 1 + 0.03 * np.sin(2 * np.pi * 6.0 * np.arange(48) / 25)
    pictures = np.rint(scene(swaying) * light[:, None, None, None]).clip(0, 255).astype(np.uint8)
    (text,) = told(tmp_path, pictures, Bandpass(4, 8))
    assert "flickers by 3.0% at about 6 Hz, inside the band" in text
    assert "--notch 6" in text
    assert told(tmp_path, pictures, Bandpass(1, 4)) == []
    assert told(tmp_path, scene(swaying), Bandpass(4, 8)) == []
    slow = Bandpass(40, 80, sampling_rate=250)
    assert "at about 60 Hz" in told(tmp_path, pictures, slow)[0]
