"""A campaign: weight files of all four formats, changed at random, for a time that can be chosen.

MAGNIFY_CAMPAIGN_SECONDS (60) and MAGNIFY_CAMPAIGN_SEED (1) say for how long and where to start.
"""

import io
import json
import os
import random
import resource
import signal
import struct
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import safetensors.torch
import torch

from magnify.checkpoints import read_checkpoint
from magnify.errors import CheckpointError
from support.bundles import DATA, INDEX, NAME, entry, number, table

SECONDS = float(os.environ.get("MAGNIFY_CAMPAIGN_SECONDS", "60"))
SEED = int(os.environ.get("MAGNIFY_CAMPAIGN_SEED", "1"))
MOST_SECONDS = 2.0
MOST_MEGABYTES = 300

TENSORS = {
    "a.weight": torch.arange(6.0).reshape(2, 3),
    "a.bias": torch.ones(2, dtype=torch.float16),
    "count": torch.tensor(3),
}
EDGES = (0, 1, 127, 128, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
OPCODES = b"(.0123FGIJKLMNPQRSTUVXabcd}eghijlopqrstu])" + bytes(range(0x80, 0x99))
PHRASES = (
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ccollections\nOrderedDict\n",
    b"cbuiltins\nset\n",
    b"cnet\nNet\n)\x81",
    b"cos\nsystem\n",
    b"J\xff\xff\xff\xff",
    b"X\x08\0\0\0_modules",
    b"X\x03\0\0\0\x1b[2",
    b"2\x86" * 40,
    b")R",
    b"}b",
)


class TooLong(BaseException):
    """Not an Exception, which a reader may catch."""


def changed(random: random.Random, content: bytes, most: int = 6) -> bytes:
    """A few bytes flipped, replaced, cut out, put in, or repeated."""
    data = bytearray(content)
    for _ in range(random.randint(1, most)):
        at = random.randrange(len(data) + 1)
        edge = random.choice(EDGES).to_bytes(8, random.choice(["little", "big"]))
        match random.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case 1:
                data[at : at + 1] = random.randbytes(1)
            case 2:
                del data[at : at + random.choice([1, 2, 4, 16])]
            case 3:
                data[at:at] = random.randbytes(random.choice([1, 2, 8]))
            case 4:
                data[at : at + 8] = edge[: random.choice([4, 8])]
            case _:
                start = random.randrange(len(data) + 1)
                data[at:at] = data[start : start + random.choice([1, 4, 40])]
    return bytes(data)


def rewritten(random: random.Random, program: bytes) -> bytes:
    """A pickle with a few other instructions, or changed as any bytes are."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        at = random.randrange(len(program) + 1)
        opcode = bytes([random.choice(OPCODES)])
        match random.randrange(4):
            case 0:
                program = program[:at] + opcode + program[at:]
            case 1:
                program = program[:at] + opcode + program[at + 1 :]
            case 2:
                program = program[:at] + random.choice(PHRASES) + program[at:]
            case _:
                program = changed(random, program, 1)
    return program


def saved(content: object, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


CONTENTS = (TENSORS, {"state_dict": TENSORS, "epoch": 3}, torch.nn.BatchNorm1d(2))


def archive(random: random.Random, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(saved(random.choice(CONTENTS), zipped=True))) as original:
        members = {name: original.read(name) for name in original.namelist()}
    pickled = next(name for name in members if name.endswith("data.pkl"))
    members[pickled] = rewritten(random, members[pickled])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
    content = file.getvalue()
    return wrote(folder / "zip.pth", changed(random, content) if chance(random) else content)


def legacy(random: random.Random, folder: Path) -> Path:
    content = saved(random.choice(CONTENTS), zipped=False)
    return wrote(folder / "legacy.pt", rewritten(random, content))


def header(random: random.Random, folder: Path) -> Path:
    content = safetensors.torch.save(TENSORS, {"format": "magnify", "layout": "fd4mm"})
    start = 8 + int.from_bytes(content[:8], "little")
    text = content[8:start]
    if chance(random, 0.5):
        facts = json.loads(text)
        fact = random.choice(["dtype", "shape", "data_offsets"])
        kinds = ["F32", "F64", "BOOL", "F8_E4M3", "F4", "C64"]
        sizes = [random.choice([*EDGES, 2, -1, 1.5]) for _ in range(random.randrange(12))]
        facts["a.weight"][fact] = random.choice(kinds) if fact == "dtype" else sizes
        text = json.dumps(facts).encode()
    else:
        text = b"{" + changed(random, text[1:])
    content = struct.pack("<Q", len(text)) + text + content[start:]
    return wrote(folder / "st", changed(random, content, 1) if chance(random) else content)


def bundle(random: random.Random, folder: Path) -> Path:
    data, entries = bytes(range(48)), [(b"", number(1, 1))]
    for i in range(random.randrange(4)):
        offset, size = random.choice([0, 8, *EDGES]), random.choice([0, 4, 12, 24])
        shape = tuple(random.choice([1, 2, 3, 6, *EDGES]) for _ in range(random.randrange(4)))
        kinds = [1, 1, 1, 2, 3, 9, 14, 19, 99]
        value = entry(data[offset:][:size], shape, dtype=random.choice(kinds), offset=offset)
        entries.append((b"t%d" % i, changed(random, value, 1) if chance(random, 0.4) else value))
    index = table(entries, blocks=random.randint(1, 2))
    wrote(folder / INDEX, changed(random, index, 2) if chance(random, 0.3) else index)
    wrote(folder / DATA, data)
    return folder / NAME


def chance(random: random.Random, part: float = 0.15) -> bool:
    return random.random() < part


def wrote(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(path: Path) -> str:
    """ "read" (it holds tensors, of no network that is known), "refused", or what is wrong."""
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        with alarm(60):
            found = read_checkpoint(path).layout.name
    except CheckpointError as error:
        message = str(error)
        found = "read" if "unknown layout" in message else "refused"
        if not message.isprintable() or len(message) > 1000:
            found = "bad message"
    except (Exception, TooLong) as error:
        found = f"{type(error).__name__}: {error}"
    if time.process_time() - began > MOST_SECONDS:
        found = f"took over {MOST_SECONDS} s"
    if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) >> 10 > MOST_MEGABYTES:
        found = f"took over {MOST_MEGABYTES} MB"
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_changed_weight_files_are_read_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    formats: tuple[Callable[[random.Random, Path], Path], ...] = (archive, legacy, header, bundle)
    counts: Counter[tuple[str, str]] = Counter()
    end, case = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        case += 1
        make = formats[case % len(formats)]
        path = make(random.Random(f"{SEED} {case}"), tmp_path)
        found = outcome(path)
        counts[make.__name__, found] += 1
        assert found in ("read", "refused"), f"seed {SEED}, case {case}: {path}: {found}"
    with capsys.disabled():
        print(f"\n{case} files:", *(f"{n} {' '.join(key)}" for key, n in sorted(counts.items())))
    for make in formats:
        assert counts[make.__name__, "read"]
        assert counts[make.__name__, "refused"]
