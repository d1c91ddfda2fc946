"""How far the outputs of a folder are."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from magnify.cli import app
from magnify.jobs.journal import Journal
from magnify.jobs.ledger import Ledger
from magnify.video.parts import segments_folder
from support.clips import drifting_pattern, write_clip


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Of three inputs two are done, and one is no video."""
    clips = [write_clip(tmp_path / f"{n}.mp4", drifting_pattern(3, 24, 32)) for n in "ab"]
    broken = tmp_path / "c.mp4"
    broken.write_bytes(b"no video")
    done = invoke("run", *clips, broken, "--model", "linear", "--output-dir", tmp_path / "out")
    assert done.exit_code == 3
    return tmp_path / "out"


def test_it_says_what_is_done_and_what_failed(out: Path) -> None:
    result = invoke("jobs", "status", out)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["done", "3", "frames", "a_x20_static_linear.mp4"]
    assert lines[2].split() == ["failed", "c_x20_static_linear.mp4"]
    assert "cannot be read as a video" in lines[3]
    assert lines[-1] == "2 done, 1 failed"


def test_it_says_what_runs_what_stopped_and_what_was_replaced(out: Path) -> None:
    begun = out / "a_x20_static_linear.mp4"
    ledger = Ledger(out)
    ledger.add(type(ledger.entries[begun.name])(begun.name, "a.mp4", "begun", {}))
    (out / "b_x20_static_linear.mp4").write_bytes(b"other")
    with Journal.opened(segments_folder(begun)) as journal:
        journal.begin({})
        assert states(out) == ["running", "changed", "failed"]
    assert states(out) == ["stopped", "changed", "failed"]


def states(out: Path) -> list[str]:
    lines = invoke("jobs", "status", out, "--json").stdout.splitlines()
    return [json.loads(line)["state"] for line in lines]


@pytest.mark.parametrize(
    ("folder", "message"), [("none", "is no folder"), (".", "no outputs are known here")]
)
def test_folders_without_outputs_are_refused(tmp_path: Path, folder: str, message: str) -> None:
    result = invoke("jobs", "status", tmp_path / folder)
    assert result.exit_code == 2
    assert message in result.stderr
