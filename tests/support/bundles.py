"""TensorFlow's V2 checkpoints, written for the tests."""

import math
import struct
from pathlib import Path

import torch
from torch import Tensor

from magnify.checkpoints.crc32c import crc32c

DTYPES = {torch.float32: 1, torch.int32: 3, torch.float16: 19}
NAME = "model.ckpt-7"
INDEX = f"{NAME}.index"
DATA = f"{NAME}.data-00000-of-00001"


def varint(value: int) -> bytes:
    octets = bytearray()
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*octets, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A LevelDB block with one restart point, and its trailer: uncompressed, checksum."""
    content, previous = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
            shared += 1
        own = key[shared:]
        content += varint(shared) + varint(len(own)) + varint(len(value)) + own + value
        previous = key
    content += struct.pack("<II", 0, 1)
    return content + b"\0" + masked_crc(content + b"\0")


def table(entries: list[tuple[bytes, bytes]], blocks: int = 3) -> bytes:
    """A LevelDB table: data blocks, an empty meta block, the index of the data blocks, a footer."""
    written, handles = b"", []
    step = math.ceil(len(entries) / blocks)
    for start in range(0, len(entries), step):
        part = entries[start : start + step]
        data = block(part)
        handles.append((part[-1][0], varint(len(written)) + varint(len(data) - 5)))
        written += data
    footer = b""
    for data in (block([]), block(handles)):
        footer += varint(len(written)) + varint(len(data) - 5)
        written += data
    return written + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def entry(
    content: bytes, shape: tuple[int, ...], *, dtype: int = 1, shard: int = 0, offset: int = 0
) -> bytes:
    """What the index says of a tensor."""
    sizes = b"".join(message(2, number(1, size)) for size in shape)
    value = number(1, dtype) + message(2, sizes) + number(3, shard)
    value += number(4, offset) + number(5, len(content))
    return value + varint(6 << 3 | 5) + masked_crc(content)


def write_bundle(folder: Path, tensors: dict[str, Tensor], shards: int = 1) -> Path:
    """Writes a bundle and returns its prefix."""
    header = number(1, shards)
    entries, data = [(b"", header)], [b""] * shards
    for place, (name, tensor) in enumerate(sorted(tensors.items())):
        shard = place % shards
        content = tensor.contiguous().numpy().tobytes()
        dtype, offset = DTYPES[tensor.dtype], len(data[shard])
        value = entry(content, tuple(tensor.shape), dtype=dtype, shard=shard, offset=offset)
        entries.append((name.encode(), value))
        data[shard] += content
    (folder / INDEX).write_bytes(table(entries))
    for shard, content in enumerate(data):
        (folder / f"{NAME}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    return folder / NAME
