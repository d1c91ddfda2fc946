"""Several processes share the inputs, and make what one process makes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from magnify.cli import app
from support.clips import drifting_pattern, write_clip

QUICK = ("--model", "linear", "--device", "cpu")


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    pictures = drifting_pattern(6, 24, 32)
    folder = tmp_path / "in"
    folder.mkdir()
    return [write_clip(folder / f"{name}.mp4", pictures[name:]) for name in range(3)]


def magnify(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "magnify", "run", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_workers_make_what_one_process_makes(clips: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "in" / "broken.mp4"
    broken.write_bytes(b"no video")
    shared = magnify(
        *clips, broken, *QUICK, "--workers", "2", "--json", "--output-dir", tmp_path / "w"
    )
    assert shared.returncode == 3, shared.stderr
    assert "Traceback" not in shared.stderr
    assert "broken.mp4: failed, and is tried once more" in shared.stderr
    assert f"[4/4] {broken}" in shared.stderr
    assert "1 of 4 inputs failed" in shared.stderr
    reports = [json.loads(line) for line in shared.stdout.splitlines()]
    assert sorted("error" in report for report in reports) == [False, False, False, True]
    alone = CliRunner().invoke(
        app, ["run", *map(str, clips), *QUICK, "--output-dir", str(tmp_path / "a")]
    )
    assert alone.exit_code == 0
    made, expected = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.mp4")} for name in "wa"
    )
    assert made == expected


def children(process: int) -> list[psutil.Process]:
    return psutil.Process(process).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_command(tmp_path: Path, sent: signal.Signals) -> None:
    long = write_clip(tmp_path / "long.mp4", drifting_pattern(900, 96, 128))
    command = [sys.executable, "-m", "magnify", "run", long, long.with_name("none.mp4"), *QUICK]
    process = subprocess.Popen([*command, "--workers", "2", "--output-dir", tmp_path / "out"])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/.long*.segments*/journal.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = children(process.pid)
    assert workers
    os.kill(process.pid, sent)
    process.wait(30)
    assert process.returncode == (-sent if sent == signal.SIGKILL else 128 + sent)
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert not list(tmp_path.glob("out/[!.]*.mp4"))


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.mp4", drifting_pattern(900, 96, 128))
    output = tmp_path / "out"
    command = [sys.executable, "-m", "magnify", "run", long, "--resume", *QUICK, "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--output-dir", output], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(output.glob(".long*.segments*/000001.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for worker in children(process.pid):
        worker.kill()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "its worker ended unexpectedly, with code -9" in errors
    assert "goes on from frame" in errors


@pytest.mark.slow
def test_a_worker_saves_the_job(clips: list[Path], tmp_path: Path) -> None:
    saved = tmp_path / "job.json"
    done = magnify(clips[0], *QUICK, "--workers", "1", "--save-job", saved)
    assert done.returncode == 0, done.stderr
    assert json.loads(saved.read_text())["source"]["path"] == str(clips[0])


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5"])
def test_impossible_numbers_of_workers_are_refused(clips: list[Path], count: str) -> None:
    result = CliRunner().invoke(app, ["run", *map(str, clips), *QUICK, "--workers", count])
    assert result.exit_code == 2
    assert "--workers" in result.stderr
    assert len(list(clips[0].parent.iterdir())) == 3
