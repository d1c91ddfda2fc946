"""kill -9 at random moments of whole commands, then the same command again: nothing is lost.

`MAGNIFY_KILLS` says how many commands are killed (default 30), `MAGNIFY_CAMPAIGN_SEED` (1) which.
Run with `-s` for the table of counts.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.commands import Commands, files, make_clips
from support.zygote import Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
KILLS = int(os.environ.get("MAGNIFY_KILLS", "30"))
AGAIN = ("--skip-existing", "-y")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("kills")
    with Zygote() as zygote:
        yield Commands(make_clips(folder), zygote, folder)


def kill(commands: Commands, number: int) -> tuple[str, str]:
    """One command that is killed, and run again: how it is run again, and what was there."""
    told = f"seed {SEED}, kill {number}"
    draw = random.Random(f"{SEED} {number}")
    name, inputs = commands.draw(draw)
    whole = commands.expected(name, inputs)
    magnifies = name not in ("slice", "measure", "analyze")
    again = draw.choice(AGAIN) if magnifies else "-y"
    output = commands.folder / f"{number}"
    output.mkdir()
    arguments = [*commands.arguments(name, inputs, output), again]
    if draw.random() < 0.3 and again == "-y":  # there is something to be replaced
        assert commands.zygote.run(arguments, os.devnull, commands.stderr) == 0, told
    moment = draw.uniform(0.1, 1.0) * commands.seconds[name, inputs]
    commands.forget()
    process = commands.zygote.start(arguments, os.devnull, commands.stderr)
    time.sleep(moment)
    with suppress(ProcessLookupError):  # it may have ended
        os.kill(process, signal.SIGKILL)
    code = commands.zygote.wait()
    assert code in (0, -signal.SIGKILL), f"{told}: {code}, {commands.messages()}"
    left = files(output)
    finished = {path for path in left if not any(part[0] == "." for part in Path(path).parts)}
    for path in finished:
        assert left[path] == whole[path], f"{told}: {name} was killed: {path} is not whole"
    assert commands.zygote.run(arguments, os.devnull, commands.stderr) == 0, told
    assert files(output) == whole, f"{told}: {name} {again}: {sorted(files(output))}"
    hidden = "a part was left" if len(finished) < len(left) else "no part was left"
    there = "all was there" if finished == whole.keys() else hidden
    return f"{name} {again}", there if code else "it had ended"


def test_kills_at_any_moment(commands: Commands) -> None:
    counts = Counter(kill(commands, number) for number in range(KILLS))
    assert counts.total() == KILLS
    print(f"\nseed {SEED}, {KILLS} kills; each was mended by the same command")
    for (name, there), count in sorted(counts.items()):
        print(f"{name:30} {there:20} {count:4}")


MODES = {
    "static": ("run", "--mode", "static"),
    "mean": ("run", "--reference", "mean:5"),
    "dynamic": ("run", "--mode", "dynamic"),
    "fir": ("bandpass", "--low", "4", "--high", "9", "--filter", "fir"),
    "butterworth": ("bandpass", "--low", "4", "--high", "9", "--filter", "butterworth"),
    "zero phase": ("bandpass", "--low", "4", "--high", "9", "--zero-phase"),
    "all taps": ("bandpass", "--low", "4", "--high", "9", "--taps", "all"),
    "acceleration": ("acceleration", "--frequency", "5"),
    "jerk-aware": ("acceleration", "--frequency", "5", "--jerk-aware"),
}
RESUMED = ("--model", "riesz", "--device", "cpu", "--segment-frames", "8", "-q")


def test_a_batch_in_every_mode_goes_on_after_any_kill(tmp_path: Path) -> None:
    """Killed again and again until it is done, each mode's batch is equal to one never killed."""
    clips = make_clips(tmp_path, 2)
    draw = random.Random(SEED)
    kills: Counter[str] = Counter()
    with Zygote() as zygote:
        for name in draw.sample(sorted(MODES), len(MODES)):
            command, *options = MODES[name]
            whole, again = tmp_path / f"whole {name}", tmp_path / f"killed {name}"
            arguments = [command, *clips, *options, *RESUMED, "--output-dir"]
            began = time.monotonic()
            assert zygote.run([*arguments, whole], os.devnull, tmp_path / "errors") == 0, name
            seconds = time.monotonic() - began
            code: int | None = None
            while code != 0:
                process = zygote.start([*arguments, again], os.devnull, tmp_path / "errors")
                if kills[name] < KILLS // 5:
                    time.sleep(draw.uniform(0.05, 1.1) * seconds)
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                code = zygote.wait()
                kills[name] += code != 0
                assert code in (0, -signal.SIGKILL), (tmp_path / "errors").read_text()
            assert files(again) == files(whole), name
    print(f"\nseed {SEED}: {kills.total()} kills; {dict(kills)}")
