"""TensorFlow's V2 checkpoints ("tensor bundles"), read without TensorFlow.

`<prefix>.index` is a LevelDB table: blocks of sorted, prefix-compressed keys. The empty key holds
the header; every other key is a tensor's name, its value says where in the data files
`<prefix>.data-00000-of-00001` … the tensor lies. Values are protocol buffers
(tensorflow/core/protobuf/tensor_bundle.proto).
"""

import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import torch
from torch import Tensor

from magnify.checkpoints.crc32c import crc32c
from magnify.errors import CheckpointError

_FOOTER_SIZE = 48
_MAGIC = 0xDB4775248B80FB57
_DTYPES = {
    1: torch.float32,
    2: torch.float64,
    3: torch.int32,
    9: torch.int64,
    14: torch.bfloat16,
    19: torch.float16,
}
"""Of tensorflow/core/framework/types.proto, what checkpoints of networks hold."""


def bundle_files(path: Path) -> list[Path]:
    """The files of the bundle that `path` names: the index, then the data files in order.

    `path` is one of them, their common prefix, their directory, or the text file `checkpoint`
    beside them. Empty if `path` names no bundle.

    Raises:
        CheckpointError: a directory without a bundle, or a bundle that lacks a file.
    """
    prefix = _prefix(path)
    if prefix is None:
        return []
    index = prefix.with_name(f"{prefix.name}.index")
    if not index.is_file():
        raise CheckpointError(f"the TensorFlow checkpoint lacks its index, {index.name}")
    pattern = re.compile(re.escape(prefix.name) + r"\.data-\d{5}-of-\d{5}")
    data = sorted(file for file in prefix.parent.iterdir() if pattern.fullmatch(file.name))
    if not data:
        raise CheckpointError(
            f"the TensorFlow checkpoint lacks its data, {prefix.name}.data-00000-of-00001: "
            "put it beside the index"
        )
    return [index, *data]


def _prefix(path: Path) -> Path | None:
    if path.is_dir():
        return _prefix_in(path)
    if path.name == "checkpoint" and path.is_file():
        return _latest(path)
    if match := re.fullmatch(r"(.+)\.(index|data-\d{5}-of-\d{5})", path.name):
        return path.with_name(match[1]) if path.exists() else None
    return path if path.with_name(f"{path.name}.index").is_file() else None


def _prefix_in(directory: Path) -> Path:
    state = directory / "checkpoint"
    if state.is_file():
        return _latest(state)
    indices = sorted(directory.glob("*.index"))
    if len(indices) != 1:
        raise CheckpointError(
            f"a directory with {len(indices) or 'no'} TensorFlow checkpoints (*.index): "
            "name the weight file itself"
        )
    return indices[0].with_suffix("")


def _latest(state: Path) -> Path:
    """The prefix that the text file `checkpoint` names, whatever folder it lay in then."""
    text = state.read_text("utf-8", errors="replace")
    match = re.search(r'^model_checkpoint_path:\s*"([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise CheckpointError("does not name a TensorFlow checkpoint (no model_checkpoint_path)")
    return state.with_name(PureWindowsPath(match[1]).name)


def read_bundle(index: bytes, shards: list[bytes]) -> dict[str, Tensor]:
    """The tensors of a bundle, by name, from the bytes of its index and of its data files.

    Raises:
        CheckpointError: truncated, damaged (each block and tensor has a checksum), or written in
            a way that no published network is.
    """
    try:
        entries = dict(_table_entries(index))
        header = dict(_fields(entries.pop(b"")))
        if header.get(1, 1) != len(shards):
            raise CheckpointError(f"has {len(shards)} of its {header.get(1, 1)} data files")
        if header.get(2, 0) != 0:
            raise CheckpointError("a big-endian TensorFlow checkpoint, which is not supported")
        return {
            name.decode(): _tensor(name.decode(), value, shards) for name, value in entries.items()
        }
    except (IndexError, KeyError, TypeError, ValueError, RuntimeError, struct.error) as error:
        raise CheckpointError(
            f"the index of the TensorFlow checkpoint is damaged: {error}"
        ) from error


def _tensor(name: str, value: bytes, shards: list[bytes]) -> Tensor:
    fields = dict(_fields(value))
    if fields[1] not in _DTYPES:
        raise CheckpointError(f"tensor {name} has TensorFlow's type {fields[1]}, not supported")
    if 7 in fields:
        raise CheckpointError(f"tensor {name} is stored in slices, not supported")
    dimensions = [dict(_fields(dim)).get(1, 0) for _, dim in _fields(fields.get(2, b""))]
    offset, size = fields.get(4, 0), fields.get(5, 0)
    data = shards[fields.get(3, 0)][offset : offset + size]
    if len(data) != size:
        raise CheckpointError(f"truncated: the data ends before the end of tensor {name}")
    if _masked(crc32c(data)) != fields[6]:
        raise CheckpointError(f"damaged: tensor {name} does not match its checksum (CRC-32C)")
    if math.prod(dimensions) == 0:
        return torch.empty(dimensions, dtype=_DTYPES[fields[1]])
    return torch.frombuffer(bytearray(data), dtype=_DTYPES[fields[1]]).reshape(dimensions)


def _masked(crc: int) -> int:
    """As it is stored, so that checksums of data that hold checksums stay good."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table_entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, in order."""
    footer = table[-_FOOTER_SIZE:]
    if len(footer) < _FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise CheckpointError("truncated, or no index of a TensorFlow checkpoint (no magic number)")
    _, _, *index_handle = _varints(footer, 4)
    for _, handle in _block_entries(_block(table, *index_handle)):
        yield from _block_entries(_block(table, *_varints(handle, 2)))


def _block(table: bytes, offset: int, size: int) -> bytes:
    block, trailer = table[offset : offset + size], table[offset + size : offset + size + 5]
    compression, checksum = struct.unpack("<BI", trailer)
    if _masked(crc32c(block + trailer[:1])) != checksum:
        raise CheckpointError("damaged: a block of the index does not match its checksum (CRC-32C)")
    if compression != 0:
        raise CheckpointError("a TensorFlow checkpoint with a compressed index, not supported")
    return block


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each key repeats the start of the one before it; restart points are skipped."""
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        size, position = _varint(block, position)
        key = key[:shared] + block[position : position + own]
        position += own
        yield key, block[position : position + size]
        position += size


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value, an int or bytes, of each field of a protocol buffer."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value: object
        if tag & 7 == 0:
            value, position = _varint(message, position)
        elif tag & 7 == 2:
            size, position = _varint(message, position)
            value, position = message[position : position + size], position + size
        elif tag & 7 == 5:
            (value,) = struct.unpack_from("<I", message, position)
            position += 4
        else:
            raise ValueError(f"field of unknown wire type {tag & 7}")
        yield tag >> 3, value


def _varints(data: bytes, count: int) -> list[int]:
    values, position = [], 0
    for _ in range(count):
        value, position = _varint(data, position)
        values.append(value)
    return values


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number in groups of 7 bits, the lowest first, and where the next one starts."""
    value = shift = 0
    while True:
        octet = data[position]
        value |= (octet & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if octet < 0x80:
            return value, position
