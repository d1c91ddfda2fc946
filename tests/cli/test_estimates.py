"""How long a run will take is said before it has taken it."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.cli.console import duration
from support.clips import drifting_pattern, write_clip


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "3 s"),
        (59.6, "60 s"),
        (90, "1.5 min"),
        (1560, "26 min"),
        (36000, "10 h"),
        (5400, "1.5 h"),
    ],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_dry_run_says_how_long_it_will_take(clip: Path) -> None:
    result = run(clip, "--dry-run", "--json", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    assert 0 < json.loads(result.stdout)["estimated_seconds"] < 60
    assert "about" not in run(clip, "--dry-run", "--device", "cpu").stdout  # it is short


@pytest.mark.parametrize(("model", "offers"), [("lbvmm", True), ("linear", False)])
def test_a_long_run_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, offers: bool
) -> None:
    """Time runs as fast as if each look at the clock were 3 s after the last."""
    clip = write_clip(tmp_path / "clip.mp4", drifting_pattern(40, 24, 32))
    seconds = iter(range(0, 3_000_000, 3))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))
    result = run(clip, "--model", model, "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if " left" in line]
    assert " min left" in line
    assert ("--model quick" in line) == offers
    assert " left" not in run(clip, "--model", model, "-q", "-y").stderr
