"""Commands that run out of something: each ends with one line, its code, and nothing half-written.

`MAGNIFY_LIMITS` says how many commands get too little of each thing (default 20),
`MAGNIFY_CAMPAIGN_SEED` (1) which. Run with `-s` for the tables of counts.
"""

import os
import random
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.commands import MAGNIFYING, Commands, files, make_clips
from support.zygote import CLOSED, Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full"),
]

SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
LIMITS = int(os.environ.get("MAGNIFY_LIMITS", "20"))
FULL = "/dev/full"
MEGABYTE = 2**20
PYTORCH = "Error in cpuinfo: "
"""What it prints itself when it cannot open /proc/cpuinfo."""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("resources")
    with Zygote() as zygote:
        yield Commands(make_clips(folder), zygote, folder)


def memory(draw: random.Random) -> dict[int, int]:
    return {resource.RLIMIT_AS: int(MEGABYTE * 10 ** draw.uniform(0, 2.7))}


def file_size(draw: random.Random) -> dict[int, int]:
    return {resource.RLIMIT_FSIZE: int(10 ** draw.uniform(3.3, 4.7))}


def descriptors(draw: random.Random) -> dict[int, int]:
    return {resource.RLIMIT_NOFILE: draw.randint(4, 24)}


def ended(commands: Commands, name: str, inputs: int, output: Path, code: int, told: str) -> str:
    """How a command has ended; fails where that is not as it should be."""
    whole, left = commands.expected(name, inputs), files(output)
    said = [line for line in commands.messages() if not line.startswith(PYTORCH)]
    told = f"{told}: {name}, code {code}, {sorted(left)}, {said}"
    assert code in (0, 1) or (code == 3 and inputs > 1), told
    assert all(line.startswith("magnify: ") for line in said), told
    assert all(line.isprintable() for line in said), told
    assert left.items() <= whole.items(), told
    errors = [line for line in said if line.startswith("magnify: error: ")]
    if code == 0:
        assert left == whole, told
        assert not errors, told
        return "whole"
    if inputs == 1:
        assert len(errors) == 1, told
    assert errors, told
    return "some" if code == 3 else "refused"


@pytest.mark.parametrize("limit", [memory, file_size, descriptors])
def test_limits(
    limit: Callable[[random.Random], dict[int, int]], commands: Commands, tmp_path: Path
) -> None:
    counts: Counter[str] = Counter()
    for number in range(LIMITS):
        draw = random.Random(f"{SEED} {limit.__name__} {number}")
        name, inputs = commands.draw(draw)
        limits = limit(draw)
        commands.expected(name, inputs)
        output = tmp_path / f"{number}"
        output.mkdir()
        arguments = commands.arguments(name, inputs, output)
        commands.forget()
        code = commands.zygote.run(arguments, os.devnull, commands.stderr, limits)
        told = f"seed {SEED}, {limit.__name__} {number} {limits}"
        counts[ended(commands, name, inputs, output, code, told)] += 1
    table(limit.__name__, counts)


def test_memory_of_a_whole_process(commands: Commands, tmp_path: Path) -> None:
    """Also while it is imported; PyTorch in C++ may end the process there, and nothing is begun."""
    counts: Counter[str] = Counter()
    commands.expected("static", 1)
    for megabytes in (150, 250, 400, 600, 800, 1200):
        output = tmp_path / f"{megabytes}"
        output.mkdir()
        arguments = commands.arguments("static", 1, output)
        with open(commands.stderr, "wb") as stderr:
            limited = f'ulimit -v {megabytes * 1024}; exec "$@"'
            command = ["sh", "-c", limited, "sh", sys.executable, "-m", "magnify", *arguments]
            code = subprocess.run(command, stderr=stderr, check=False).returncode
        told = f"{megabytes} MB"
        if code == -signal.SIGABRT and "std::bad_alloc" in commands.stderr.read_text():
            assert not files(output), told
            counts["ended by PyTorch while it is imported"] += 1
            continue
        counts[ended(commands, "static", 1, output, code, told)] += 1
    table("memory of a process", counts)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk(disk: Path, commands: Commands) -> None:
    counts: Counter[str] = Counter()
    for number in range(LIMITS):
        draw = random.Random(f"{SEED} disk {number}")
        name, inputs = commands.draw(draw)
        commands.expected(name, inputs)
        output = disk / "output"
        output.mkdir()
        free = draw.randint(0, 40)
        taken = disk / "taken"
        try:
            with open(taken, "wb", buffering=0) as file:
                while file.write(bytes(4096)) == 4096:
                    pass
        except OSError:  # it is full
            os.truncate(taken, taken.stat().st_size - free * 4096)
        commands.forget()
        arguments = commands.arguments(name, inputs, output)
        code = commands.zygote.run(arguments, os.devnull, commands.stderr)
        told = f"seed {SEED}, disk {number}, {4 * free} kB free"
        counts[ended(commands, name, inputs, output, code, told)] += 1
        subprocess.run(["rm", "-r", output, taken], check=True)
    table("disk", counts)


def test_streams_that_cannot_be_written(commands: Commands, tmp_path: Path) -> None:
    """They cost what would have been printed, never the work."""
    counts: Counter[str] = Counter()
    for number in range(LIMITS):
        draw = random.Random(f"{SEED} streams {number}")
        name, inputs = commands.draw(draw)
        whole = commands.expected(name, inputs)
        stdout, stderr = (
            draw.choice((CLOSED, FULL, place)) for place in (commands.stdout, commands.stderr)
        )
        asks = name in (*MAGNIFYING, "measure", "analyze") and draw.random() < 0.5
        quiet = draw.random() < 0.5
        output = tmp_path / f"{number}"
        output.mkdir()
        options = [*["--json"] * asks, *["-q"] * quiet]
        commands.forget()
        arguments = [*commands.arguments(name, inputs, output), *options]
        code = commands.zygote.run(arguments, stdout, stderr)
        told = f"seed {SEED}, streams {number}: {name} {options} {stdout} {stderr}: code {code}"
        lost = asks and stdout != commands.stdout
        assert files(output) == whole, f"{told}, {commands.messages()}"
        assert code == int(lost), f"{told}, {commands.messages()}"
        if lost and stderr == commands.stderr:
            (error,) = [line for line in commands.messages() if ": error: " in line]
            assert "standard output cannot be written" in error, told
        counts["lost what was asked for" if lost else "lost nothing that counts"] += 1
    table("streams", counts)


def table(what: str, counts: Counter[str]) -> None:
    print(f"\nseed {SEED}, {counts.total()} commands, {what}:", dict(sorted(counts.items())))
