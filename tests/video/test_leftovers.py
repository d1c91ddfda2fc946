"""Runs that were killed: what they leave behind is swept by the next run on the same output."""

import ctypes
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from magnify.errors import SettingsError
from magnify.video import Frame, VideoInfo, VideoWriter
from magnify.video import parts as parts_module
from support.videos import read_pictures

INFO = VideoInfo(width=32, height=24, time_base=Fraction(1, 25), average_rate=Fraction(25))
OUTPUTS = ["out.mp4", "out.mkv", "frames", "a" * 60 + ".mp4", "a" * 60]

KILLED = """
import sys, os, signal
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from video.test_leftovers import open_writer
writer = open_writer(Path(sys.argv[1]), level=50)
if sys.argv[2] == "wait":
    print("ready", flush=True)
    sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def open_writer(path: Path, level: int = 100, *, overwrite: bool = False) -> VideoWriter:
    """A writer that has got two grey frames."""
    writer = VideoWriter(path, INFO, overwrite=overwrite)
    for number in range(2):
        writer.write(Frame(np.full((24, 32, 3), level, np.uint8), number, 1))
    return writer


def killed_run(output: Path, then: str = "kill") -> subprocess.Popen[bytes]:
    """A process that opens a writer; it kills itself, or waits for its standard input to end."""
    places = [str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", KILLED, str(output), then, *places]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_next_run_sweeps_what_a_killed_one_left(tmp_path: Path, name: str) -> None:
    with killed_run(tmp_path / name) as run:
        pass
    assert run.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert left.startswith(f".{name[:3]}")
    assert ".part" in left
    open_writer(tmp_path / f"other_{name}").close()
    assert left in names(tmp_path)
    open_writer(tmp_path / name).close()
    assert names(tmp_path) == sorted([name, f"other_{name}"])


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_a_live_run_writes_is_left_alone(tmp_path: Path, name: str) -> None:
    output = tmp_path / name
    with killed_run(output, "wait") as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        (live,) = names(tmp_path)
        first = open_writer(output)
        second = open_writer(output)
        second.discard()
        first.close()
        assert names(tmp_path) == sorted([live, name])
    with pytest.raises(SettingsError, match="exists already"):
        VideoWriter(output, INFO)
    assert names(tmp_path) == [name]


def test_names_that_only_resemble_left_overs_stay(tmp_path: Path) -> None:
    others = [".out.part.mp4", ".out.0123456.part.mp4", ".out.01234567.part.mkv", "out.part.mp4"]
    for name in others:
        (tmp_path / name).write_text("mine")
    open_writer(tmp_path / "out.mp4").close()
    assert names(tmp_path) == sorted([*others, "out.mp4"])


@pytest.fixture(params=["exchange", "two steps"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of replacing a folder: in one step, and where the system has none."""
    if request.param == "two steps":
        monkeypatch.setattr(parts_module, "_exchange", lambda one, other: False)
    elif not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("needs renameat2")
    return str(request.param)


def level(folder: Path) -> int:
    return int(read_pictures(folder / "frame_000001.png")[0, 0, 0, 0])


def test_a_folder_is_replaced_whole(tmp_path: Path, exchange: str) -> None:
    folder = tmp_path / "frames"
    open_writer(folder, 100).close()
    open_writer(folder, 200, overwrite=True).close()
    assert (level(folder), names(tmp_path)) == (200, ["frames"])
    assert names(folder) == ["frame_000001.png", "frame_000002.png"]


def test_at_no_moment_of_an_exchange_is_a_folder_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any of its steps, a run leaves the old folder or the new one."""
    if not hasattr(ctypes.CDLL(None), "renameat2"):
        pytest.skip("needs renameat2")

    def killed(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "frames"
    open_writer(folder, 100).close()
    for step, expected in (("_exchange", 100), ("shutil.rmtree", 200)):
        writer = open_writer(folder, 200, overwrite=True)
        with monkeypatch.context() as patched:
            patched.setattr(f"magnify.video.parts.{step}", killed)
            patched.setattr(parts_module, "_remove", lambda path: None)
            with pytest.raises(KeyboardInterrupt):
                writer.close()
        assert level(folder) == expected
        open_writer(folder, expected, overwrite=True).close()
        assert names(tmp_path) == ["frames"]


def test_a_folder_that_was_about_to_be_replaced_gets_its_name_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_module, "_exchange", lambda one, other: False)
    folder = tmp_path / "frames"
    open_writer(folder, 100).close()
    os.rename(folder, tmp_path / ".frames.01234567.replaced")
    (tmp_path / ".frames.89abcdef.part").mkdir()
    with pytest.raises(SettingsError, match="exists already"):
        VideoWriter(folder, INFO)
    assert (level(folder), names(tmp_path)) == (100, ["frames"])
    os.rename(folder, tmp_path / ".frames.01234567.replaced")
    open_writer(folder, 200, overwrite=True).close()
    assert (level(folder), names(tmp_path)) == (200, ["frames"])
    (tmp_path / ".frames.01234567.replaced").mkdir()
    open_writer(folder, 50, overwrite=True).close()
    assert (level(folder), names(tmp_path)) == (50, ["frames"])


def test_a_read_only_disk_is_named_after_the_output(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        for name in ("out.mp4", "frames"):
            message = rf"disk/{name}: cannot be written: the disk is read-only"
            with pytest.raises(Exception, match=message):
                VideoWriter(disk / name, INFO)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
