"""Signals at random moments of whole commands: each ends, with its code, and leaves nothing.

`MAGNIFY_SIGNALS` says how many commands get signals (default 40), `MAGNIFY_CAMPAIGN_SEED` (1)
which; every tenth is a fresh process, the others are forks of one that has imported everything.
Run with `-s` for the table of counts.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.clips import drifting_pattern, write_clip
from support.zygote import SIGNALS, Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc"),
]

SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
COMMANDS = int(os.environ.get("MAGNIFY_SIGNALS", "40"))
LONGEST_SECONDS = 120.0
INPUTS = 3
MASKS = ("SigIgn", "SigCgt")
FAST = ("--device", "cpu", "--precision", "fp32")
LINEAR = ("--model", "linear")
MODES = {
    "network": ("run",),
    "static": ("run", *LINEAR),
    "dynamic": ("run", *LINEAR, "--mode", "dynamic"),
    "whole clip": ("bandpass", *LINEAR, "--low", "2", "--high", "6", "--zero-phase"),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    pictures = drifting_pattern(24, 48, 64)
    return [
        write_clip(folder / f"{number}.mp4", np.roll(pictures, number, axis=2))
        for number in range(INPUTS)
    ]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as made:
        yield made


def listens(process: int) -> bool:
    """Whether the command has taken over SIGTERM already; at its end, it ignores it."""
    status = Path(f"/proc/{process}/status").read_text()
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line[:6] in MASKS]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


class Campaign:
    """Commands on the same clips; what they write undisturbed, and how long that takes."""

    def __init__(self, clips: list[Path], zygote: Zygote, folder: Path) -> None:
        self.clips, self.zygote, self.folder = clips, zygote, folder
        self.whole: dict[str, dict[str, bytes]] = {}
        self.seconds: dict[str, float] = {}
        self.stderr = folder / "stderr"
        for mode in MODES:
            output = folder / mode
            for again in ((), ("-y",)):  # the first is slower: it reads from the disk
                began = time.time()
                arguments = [*self.arguments(mode, INPUTS, output), *again]
                assert zygote.run(arguments, os.devnull, self.stderr) == 0
            ended = max(path.stat().st_mtime for path in output.iterdir())
            self.seconds[mode] = ended - began  # without the interpreter's end, as long again
            self.whole[mode] = {path.name: path.read_bytes() for path in output.iterdir()}
            assert len(self.whole[mode]) == INPUTS

    def arguments(self, mode: str, inputs: int, output: Path) -> list[str | Path]:
        words = [*MODES[mode], *self.clips[:inputs], *FAST, "--no-resume"]
        return [*words, "--output-dir", output]

    def disturb(self, seed: int) -> tuple[str, str]:
        """One command with one or two signals at random moments: what was done, how it ended."""
        draw = random.Random(f"{SEED} {seed}")
        fresh = seed % 10 == 0
        mode, inputs = draw.choice(list(MODES)), draw.choice((1, INPUTS))
        first = draw.choice(SIGNALS)
        second = draw.choice((None, first, draw.choice(SIGNALS)))
        output = self.folder / str(seed)
        self.stderr.unlink(missing_ok=True)
        length = self.seconds[mode] * inputs / INPUTS + (2.0 if fresh else 0.0)
        arguments = self.arguments(mode, inputs, output)
        process = None
        if fresh:
            with open(self.stderr, "wb") as stderr:
                command = [sys.executable, "-m", "magnify", *arguments]
                process = subprocess.Popen(command, stderr=stderr)
            number = process.pid
        else:
            number = self.zygote.start(arguments, os.devnull, self.stderr)
        time.sleep(draw.uniform(0, 1.2 * length))
        try:
            heard = listens(number)
            os.kill(number, first)
            if second is not None:
                time.sleep(draw.choice((0.0, draw.uniform(0, 0.3))))
                os.kill(number, second)
        except (ProcessLookupError, FileNotFoundError):
            heard = True  # it has ended
        try:
            code = process.wait(LONGEST_SECONDS) if process else self.zygote.wait(LONGEST_SECONDS)
        except (TimeoutError, subprocess.TimeoutExpired):
            os.kill(number, signal.SIGUSR1)
            time.sleep(1)
            os.kill(number, signal.SIGKILL)
            pytest.fail(f"seed {seed} hangs:\n{self.stderr.read_text()}")
        self.check(seed, mode, inputs, output, code, {first, second}, first, heard)
        kind = "one signal" if second is None else "twice" if second is first else "mixed"
        done = "before it listens" if code < 0 and not heard else f"code {abs(code)}"
        return f"{'fresh' if fresh else 'fork'}, {kind}", done

    def check(
        self,
        seed: int,
        mode: str,
        inputs: int,
        output: Path,
        code: int,
        sent: set[signal.Signals | None],
        first: signal.Signals,
        heard: bool,
    ) -> None:
        said = self.stderr.read_text()
        found = (
            {path.name: path.read_bytes() for path in output.iterdir()} if output.exists() else {}
        )
        told = f"seed {seed}: code {code}, {sorted(found)}, {said}"
        assert found.items() <= self.whole[mode].items(), told
        complete = len(found) == inputs
        # Two at once may be seen in the other order. Before it listens and when the interpreter
        # is nearly gone, the system ends it.
        allowed = {128 + number for number in sent if number} if len(sent) > 1 else {128 + first}
        if complete:
            allowed |= {0} | {-number for number in sent if number}
        if not heard:
            allowed |= {-number for number in sent if number} | {128 + n for n in sent if n}
        assert code in allowed, told
        if heard:
            assert "Traceback" not in said, told
            assert "ignored" not in said, told


def test_signals_at_any_moment(clips: list[Path], zygote: Zygote, tmp_path: Path) -> None:
    campaign = Campaign(clips, zygote, tmp_path)
    counts = Counter(campaign.disturb(seed) for seed in range(COMMANDS))
    assert counts.total() == COMMANDS
    print(f"\nseed {SEED}, {COMMANDS} commands")
    for (kind, ended), count in sorted(counts.items()):
        print(f"{kind:20} {ended:20} {count:5}")
