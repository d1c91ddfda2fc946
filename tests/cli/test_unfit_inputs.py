"""What a model or a mode cannot do is said in one line, before any frame is magnified."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from support.clips import drifting_pattern, read_clip, write_clip
from support.moving import write_lossless


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--phase-smoothing", "2"], "lbvmm has no option --phase-smoothing"),
        (["run", "--model", "riesz", "--cutoff", "3"], "riesz has no option --cutoff"),
        (["run", "--model", "linear", "--pyramid", "octave"], "it has --cutoff"),
        (["run", "--model", "steerable", "--orientations", "9"], "orientations must be 2 to 8"),
        (["run", "--model", "riesz", "--phase-smoothing", "21"], "must be 0 to 20 pixels"),
        (["colour", "--pooling", "513"], "must be 1 to 512 pixels"),
        (["colour", "--cutoff", "4"], "colour has no option --cutoff; it has --pooling"),
        (["colour", "--low", "1", "--high", "12.5"], "beyond 12.5 Hz"),
        (["acceleration", "--frequency", "7"], "3.6 frames a period at 25 frames a second"),
        (["acceleration", "--frequency", "20"], "1.2 frames a period at 25 frames a second"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", drifting_pattern(8, 24, 32))
    command, *options = arguments
    result = invoke(command, clip, *options)
    assert result.exit_code == 2, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if "error" in line]
    assert message in line
    assert "magnifying" not in result.stderr
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize("size", [(1, 9), (2, 2), (7, 40)], ids=str)
@pytest.mark.parametrize("model", ["riesz", "steerable", "linear"])
def test_a_picture_smaller_than_a_pyramid_is_magnified(
    tmp_path: Path, model: str, size: tuple[int, int]
) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (6, *size, 3), dtype=np.uint8)
    clip = write_lossless(tmp_path / "clip.mkv", pictures, 25)
    result = invoke("run", clip, "--model", model, "--alpha", "2", "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    assert read_clip(tmp_path / "out.mkv").shape == pictures.shape
