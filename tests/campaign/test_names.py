"""Files with hostile names: one line a message, nothing that steers a terminal, valid JSON.

`MAGNIFY_NAMES` says how many names are tried (default 60), `MAGNIFY_CAMPAIGN_SEED` (1) which. Run
with `-s` for the table of counts.
"""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import LINEAR, Commands, make_clips
from support.zygote import Zygote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]

SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
NAMES = int(os.environ.get("MAGNIFY_NAMES", "60"))
LONGEST = 250
PIECES = (
    "\x1b[2J", "\x1b]0;owned\x07", "\n", "\r", "\r\nmagnify: error: forged", "\t",
    "\x7f", "\x9b31m", "\u2028", "\u202e", "\u2066", "\u200b", "\udcff", "\udc80\udcfe",
    "[bold]", "[/]", "[link=http://x]", "%d", "%s", "%04d", "%", "{0}", "{name}", "$(id)", "`id`",
    "-", "--", "--alpha", "~", "*", "?", "[a-z]", ":", "http:", "file:", "concat:", "pipe:1", "@",
    "|", "&", ";", "'", '"', "\\", "#", " ", "  ", ".", "..", "日本", "e\u0301", "🎬", "\U0010ffff",
    "x" * LONGEST,
)  # fmt: skip
COMMANDS = {
    "magnified": ["run", *LINEAR, "--max-frames", "3"],
    "planned": ["run", *LINEAR, "--dry-run"],
    "written nowhere": ["run", *LINEAR],
    "sliced": ["slice", "--row", "3"],
    "analysed": ["analyze", "--no-plots"],
    "measured": ["measure", "--point", "30,20", "--no-plots", "--max-frames", "8"],
    "compared": ["compare"],
    "inspected": ["weights", "inspect"],
}
JSON = ("magnified", "planned", "written nowhere", "analysed", "measured")
KINDS = ("clip", "missing", "broken", "folder")
OPTIONS = ("--codec", "--preset", "--device", "--model", "--weights", "--from-job", "--start")


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("names")
    with Zygote() as zygote:
        yield Commands(make_clips(folder, 1), zygote, folder)


def hostile(draw: random.Random) -> str:
    """A name of at most so many bytes that a file system takes it."""
    pieces = [*draw.choices(PIECES, k=draw.randint(1, 4)), draw.choice(["clip", ""])]
    draw.shuffle(pieces)
    suffix = draw.choice([".mp4", ".mp4", ".mkv", ".png", ""])
    stem = os.fsencode("".join(pieces))[: LONGEST - len(suffix)]
    return (os.fsdecode(stem) or "x").replace("/", "_") + suffix


def place(kind: str, path: Path, clip: Path) -> None:
    if kind == "clip":
        shutil.copy(clip, path)
    elif kind == "broken":
        path.write_bytes(b"no video" * 100)
    elif kind == "folder":
        path.mkdir()


def call(commands: Commands, number: int, folder: Path) -> tuple[str, str]:
    """One command on a file with such a name: what was asked for, and how it ended."""
    draw = random.Random(f"{SEED} name {number}")
    name, wanted = hostile(draw), draw.choice(list(COMMANDS))
    kind = draw.choice((*KINDS, "clip", "clip"))
    folder = folder / f"{number}"
    folder.mkdir()
    source = folder / name
    if name in (".", ".."):
        source = folder / f"{name}x"
    place(kind, source, commands.clips[0])
    arguments: list[str | Path] = [*COMMANDS[wanted], source]
    as_json = wanted in JSON and draw.random() < 0.6
    arguments += ["--json"] * as_json
    if wanted == "compared":
        arguments.append(commands.clips[0])
    if wanted == "written nowhere":
        arguments += ["-o", folder / hostile(draw)]
        if draw.random() < 0.5:
            arguments += [draw.choice(OPTIONS), hostile(draw)]
    commands.forget()
    code = commands.zygote.run(arguments, commands.stdout, commands.stderr)
    told = f"seed {SEED}, name {number}: {arguments}: code {code}"
    check(commands, code, as_json and wanted != "planned", kind, told)
    if wanted == "magnified" and as_json and code == 0:
        report = json.loads(commands.stdout.read_text())
        assert report["input"] == str(source), told
        assert Path(report["output"]).is_file(), told
    return f"{kind} {wanted}", {0: "done", 1: "failed", 2: "wrong usage"}[code]


def check(commands: Commands, code: int, as_json: bool, kind: str, told: str) -> None:
    """What was printed: complete lines, each printable, one of them an error if it failed."""
    said, printed = commands.stderr.read_bytes().decode(), commands.stdout.read_bytes().decode()
    told = f"{told}\n{said}\n{printed}"
    assert code in (0, 1, 2), told
    assert code or kind in ("clip", "folder"), told
    assert said.endswith("\n") or not said, told
    for line in said.removesuffix("\n").split("\n") * bool(said):
        assert line.startswith("magnify: "), told
        assert line.isprintable(), told
    assert said.count("magnify: error: ") - said.count("magnify: error: forged") == bool(code), told
    for line in printed.removesuffix("\n").split("\n") * bool(printed):
        assert line.isprintable(), told
    if as_json and code == 0:
        json.loads(printed)


def test_hostile_names(commands: Commands, tmp_path: Path) -> None:
    counts = Counter(call(commands, number, tmp_path) for number in range(NAMES))
    assert counts.total() == NAMES
    print(f"\nseed {SEED}, {NAMES} names")
    for (what, how), count in sorted(counts.items()):
        print(f"{what:24} {how:12} {count:4}")
