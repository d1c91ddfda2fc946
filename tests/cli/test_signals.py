"""Ctrl-C, a request to end, a closed terminal: at once, with the right code, nothing half-done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from support.clips import drifting_pattern, write_clip
from support.zygote import Zygote

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FAST = ("--device", "cpu", "--precision", "fp32")
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as made:
        yield made


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One that is done soon, and one that takes its time."""
    folder = tmp_path_factory.mktemp("clips")
    pictures = drifting_pattern(30, 64, 64)
    write_clip(folder / "short.mp4", pictures[:3])
    write_clip(folder / "long.mp4", np.tile(pictures, (60, 1, 1, 1)))
    return [folder / "short.mp4", folder / "long.mp4"]


def appears(folder: Path, pattern: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not list(folder.glob(pattern)):
        assert time.monotonic() < end, f"no {pattern} in {seconds} s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "sent", [(INT,), (TERM,), (HUP,), (INT, INT), (TERM, INT), (HUP, TERM, INT, INT)], ids=str
)
def test_a_batch_ends_with_the_first_signal(
    sent: Sequence[signal.Signals], clips: list[Path], tmp_path: Path, zygote: Zygote
) -> None:
    short, long = clips
    out, errors = tmp_path / "out", tmp_path / "errors"
    arguments = ["run", short, long, short.parent / "none.mp4", *FAST, "--output-dir", out]
    command = zygote.start(arguments, tmp_path / "stdout", errors)
    appears(out, ".long*.segments*/journal.jsonl")
    for number in sent:
        os.kill(command, number)
        time.sleep(0.01)
    assert zygote.wait(30) == 128 + sent[0]
    shown = [path.name for path in out.iterdir() if path.name[0] != "."]
    assert shown == ["short_x20_static.mp4"]  # of the long one, hidden parts wait to go on
    said = errors.read_text()
    assert "Traceback" not in said
    assert "ignored" not in said


def test_a_signal_while_it_loads_is_not_lost(clips: list[Path], tmp_path: Path) -> None:
    slow = (
        "import os, signal, sys\n"
        "from magnify.__main__ import main\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "main()\n"
    )
    arguments = ["run", clips[1], *FAST, "--output-dir", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", slow, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (143, "")
    assert not list(tmp_path.glob("out/*"))


def test_a_signal_during_the_last_steps_is_not_lost() -> None:
    late = (
        "import atexit, os, signal, sys\n"
        "from magnify.__main__ import main\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGTERM)\n"
        "import typer\n"
        "if sys.argv.pop() == 'before':\n"
        "    typer.core.TyperGroup.invoke = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
        "main()\n"
    )
    for moment, code in (("before", 130), ("after", 0)):
        done = subprocess.run(
            [sys.executable, "-c", late, "bands", moment],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, "")


def test_under_nohup_a_closed_terminal_changes_nothing(clips: list[Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "magnify", "run", clips[1], "--max-frames", "60", *FAST]
    before = signal.signal(HUP, signal.SIG_IGN)  # which is inherited
    try:
        process = subprocess.Popen([*command, "--output-dir", tmp_path, "-q"])
    finally:
        signal.signal(HUP, before)
    appears(tmp_path, ".long*.part*")
    process.send_signal(HUP)
    assert process.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["long_x20_static.mp4"]


WAITING = """
import os, signal, subprocess, sys, threading
from magnify.interruption import at_once, check, listening

with listening():
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    if sys.argv[1] == "process":
        with at_once():
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
    elif sys.argv[1] == "destructor":
        class Torn:
            def __del__(self):
                threading.Event().wait(1)
        with at_once():
            Torn()
    print("went on")
"""


@pytest.mark.parametrize("what", ["process", "destructor"])
def test_waiting_for_another_process_ends_at_once(what: str) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WAITING, what], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")
    assert time.monotonic() - began < 30


BUSY = """
import os, signal, subprocess
from magnify.interruption import listening

with listening():
    send = "kill -TERM {0}; sleep 0.05; kill -INT {0}".format(os.getpid())
    subprocess.Popen(["sh", "-c", send])
    sum(range(10**8))  # one step of Python, in which both come
"""


def test_of_two_that_come_during_one_step_the_first_decides() -> None:
    assert subprocess.run([sys.executable, "-c", BUSY], check=False).returncode == 143
