"""Archives that are damaged, or made to look larger than they are."""

import struct
import zlib
from pathlib import Path

import pytest

from support.checkpoint_samples import fails

NOTHING = b"N."
"""A pickle of None."""
LONG = b"N." * 500


def entry(name: bytes = b"a/data.pkl", content: bytes = NOTHING, **facts: int) -> bytes:
    """What the directory of an archive says of a member."""
    size = facts.get("size", len(content))
    crc = facts.get("crc", zlib.crc32(content))
    numbers = facts.get("flags", 0), facts.get("method", 0), crc, len(content), size
    lengths = len(name), 0, 0, facts.get("start", 0)
    return struct.pack("<4s4x2H4x3I3H8xI", b"PK\1\2", *numbers, *lengths) + name


def archive(content: bytes, *entries: bytes) -> bytes:
    """An archive of one member, and a directory that may list more."""
    member = b"PK\3\4" + bytes(26) + content
    directory = b"".join(entries)
    end = struct.pack("<4s6xH2I2x", b"PK\5\6", len(entries), len(directory), len(member))
    return member + directory + end


@pytest.mark.parametrize(
    ("content", "entries", "expected"),
    [
        (NOTHING, [entry()], "holds no state dict, but NoneType"),
        (b"", [entry(b"%d" % i, b"") for i in range(200)], "no data.pkl"),
        (LONG, [entry(b"%d" % i, LONG) for i in range(200)], "members of the archive overlap"),
        (LONG, [entry(content=LONG, method=8)], "a compressed zip archive"),
        (LONG, [entry(content=LONG, size=10**9)], "a compressed zip archive"),
        (LONG, [entry(content=LONG, flags=1)], "a compressed zip archive"),
        (NOTHING, [entry(start=2**31)], "the archive's directory is broken"),
        (NOTHING, [entry(start=1)], "a/data.pkl is not where the archive says"),
        (NOTHING, [entry(content=bytes(1000))], "a/data.pkl is not where the archive says"),
        (NOTHING, [entry(crc=1)], "Bad CRC-32 of a/data.pkl"),
        (NOTHING, [bytes(46)], "the archive's directory is broken"),
        (NOTHING, [b""], "the archive's directory is broken"),
        (NOTHING, [entry(), entry(b"b/data.pkl")], "not one written by torch.save"),
        (NOTHING, [entry(b"a\x1b[2J", crc=1)], "Bad CRC-32 of a\\x1b[2J"),
    ],
)
def test_archives(content: bytes, entries: list[bytes], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pth"
    path.write_bytes(archive(content, *entries))
    assert expected in fails(path)


def test_an_archive_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    whole = archive(NOTHING, entry())
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        assert fails(path).startswith("truncated or damaged: no directory at the archive's end")
