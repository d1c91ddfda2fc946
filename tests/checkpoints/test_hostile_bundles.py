"""TensorFlow bundles made to take for ever or to fill the memory."""

import struct
from pathlib import Path

import pytest

from support.bundles import DATA, INDEX, NAME, entry, masked_crc, number, table, varint
from support.checkpoint_samples import fails

HEADER = (b"", number(1, 1))


def bundle(folder: Path, index: bytes, data: bytes = bytes(4)) -> Path:
    (folder / INDEX).write_bytes(index)
    (folder / DATA).write_bytes(data)
    return folder / NAME


def raw_block(content: bytes) -> bytes:
    return content + b"\0" + masked_crc(content + b"\0")


def raw_table(block: bytes, handles: list[bytes]) -> bytes:
    """A table of one data block, which the index names by each of the handles."""
    lines = b"".join(b"\0\1" + varint(len(handle)) + b"k" + handle for handle in handles)
    index = raw_block(lines + struct.pack("<II", 0, 1))
    data = raw_block(block)
    footer = b"\0\0" + varint(len(data)) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def whole(block: bytes) -> bytes:
    return b"\0" + varint(len(block))


GROWING = b"\0\0\2\x08\1" + b"".join(varint(i) + b"\1\0a" for i in range(2_000)) + bytes(8)
ENDLESS = b"\xff" * 1_000_000 + bytes(4)
LISTED = b"\0\0\2\x08\1" + struct.pack("<II", 0, 1)


@pytest.mark.parametrize(
    ("block", "handles", "expected"),
    [
        (ENDLESS, [whole(ENDLESS)], "a number without an end"),
        (GROWING, [whole(GROWING)], "a name of 1,001 bytes"),
        (LISTED, [whole(LISTED)] * 3, "its blocks overlap"),
        (bytes(4), [whole(bytes(4))], "it has an empty block"),
        (LISTED, [b"\0" + varint(2**62)], "it ends too early"),
        (LISTED, [b""], "it ends too early"),
        (b"\5\1\0a" + bytes(8), [whole(b"\5\1\0a" + bytes(8))], "a name of 6 bytes"),
        (b"\0\1\x7fa" + bytes(8), [whole(b"\0\1\x7fa" + bytes(8))], "it ends too early"),
    ],
)
def test_indices_of_bundles(
    block: bytes, handles: list[bytes], expected: str, tmp_path: Path
) -> None:
    assert expected in fails(bundle(tmp_path, raw_table(block, handles)))


def test_an_index_is_small(tmp_path: Path) -> None:
    assert fails(bundle(tmp_path, bytes(3_000_000))).startswith("an index of 3,000,000 bytes")
    many = [HEADER, *((b"%05d" % i, b"") for i in range(10_001))]
    assert fails(bundle(tmp_path, table(many))) == "has over 10,000 tensors, more than any network"


def test_a_bundle_names_its_data_once(tmp_path: Path) -> None:
    twice = [HEADER, (b"a", entry(bytes(4), (1,))), (b"b", entry(bytes(4), (1,)))]
    assert fails(bundle(tmp_path, table(twice))) == "damaged: its tensors overlap"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (entry(bytes(4), (2**40,)), "tensor a has 4 bytes, which do not fit its shape"),
        (entry(bytes(3), (1,)), "tensor a has 3 bytes, which do not fit its shape"),
        (entry(b"", (2**62, 2**62, 2**62)), "tensor a has 0 bytes, which do not fit its shape"),
        (entry(bytes(4), (1,) * 9), "a shape that is no list of up to 8 sizes"),
        (entry(bytes(4), (1,), shard=2**62), "damaged"),
        (entry(bytes(4), (1,), offset=2**62), "the data ends before the end of tensor a"),
        (number(1, 1), "lacks the type or the checksum of a"),
        (b"\x08" + b"\xff" * 11, "a number without an end"),
        (b"\x0b", "field of unknown wire type 3"),
    ],
)
def test_entries_of_bundles(value: bytes, expected: str, tmp_path: Path) -> None:
    assert expected in fails(bundle(tmp_path, table([HEADER, (b"a", value)])))
