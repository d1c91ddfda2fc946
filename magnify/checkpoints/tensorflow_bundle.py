"""TensorFlow's V2 checkpoints ("tensor bundles"), read without TensorFlow.

`<prefix>.index` is a LevelDB table: blocks of sorted, prefix-compressed keys. The empty key holds
the header; every other key is a tensor's name, its value says where in the data files
`<prefix>.data-00000-of-00001` … the tensor lies. Values are protocol buffers
(tensorflow/core/protobuf/tensor_bundle.proto).
"""

import math
import struct
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from magnify.checkpoints.crc32c import crc32c
from magnify.checkpoints.limits import (
    LARGEST_HEADER,
    LONGEST_NAME,
    MOST_DIMENSIONS,
    MOST_TENSORS,
)
from magnify.checkpoints.protobuf import fields, piece, varint, varints
from magnify.errors import CheckpointError, reason

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


def read_bundle(index: bytes, shards: list[bytes]) -> dict[str, Tensor]:
    """The tensors of a bundle, by name, from the bytes of its index and of its data files.

    Raises:
        CheckpointError: truncated, damaged (each block and tensor has a checksum), or written in
            a way that no published network is.
    """
    if len(index) > LARGEST_HEADER:
        raise CheckpointError(f"an index of {len(index):,} bytes, more than any network needs")
    try:
        entries = dict(_table_entries(index))
        if b"" not in entries:
            raise EOFError("it has no header")
        _check_header(entries.pop(b""), shards)
        return _tensors(entries, shards)
    except CheckpointError:
        raise
    # What is not caught by a check of ours, Python and PyTorch refuse in any way.
    except Exception as error:
        raise CheckpointError(
            f"the index of the TensorFlow checkpoint is damaged: {reason(error)}"
        ) from error


def _check_header(value: bytes, shards: list[bytes]) -> None:
    header = dict(fields(value))
    if header.get(1, 1) != len(shards):
        raise CheckpointError(f"has {len(shards)} of its {header.get(1, 1)} data files")
    if header.get(2, 0) != 0:
        raise CheckpointError("a big-endian TensorFlow checkpoint, which is not supported")


def _tensors(entries: dict[bytes, bytes], shards: list[bytes]) -> dict[str, Tensor]:
    tensors, left = {}, sum(map(len, shards))
    for key, value in entries.items():
        name = key.decode()
        tensors[name] = _tensor(name, dict(fields(value)), shards, left)
        left -= tensors[name].nbytes
    return tensors


def _tensor(name: str, entry: dict[int, Any], shards: list[bytes], left: int) -> Tensor:
    """The tensor of a BundleEntryProto; `left` is how many bytes the others have left for it."""
    if not {1, 6} <= entry.keys():
        raise CheckpointError(f"damaged: the index lacks the type or the checksum of {name}")
    if entry[1] not in _DTYPES:
        raise CheckpointError(f"tensor {name} has TensorFlow's type {entry[1]}, not supported")
    if 7 in entry:
        raise CheckpointError(f"tensor {name} is stored in slices, not supported")
    dtype, shape = _DTYPES[entry[1]], _shape(entry.get(2, b""))
    offset, size = entry.get(4, 0), entry.get(5, 0)
    if size != math.prod(shape) * dtype.itemsize:
        raise CheckpointError(
            f"damaged: tensor {name} has {size} bytes, which do not fit its shape"
        )
    data = memoryview(shards[entry.get(3, 0)])[offset : offset + size]
    if len(data) != size:
        raise CheckpointError(f"truncated: the data ends before the end of tensor {name}")
    if size > left:  # the same bytes for many tensors make a small file a large network
        raise CheckpointError("damaged: its tensors overlap")
    if _masked(crc32c(data)) != entry[6]:
        raise CheckpointError(f"damaged: tensor {name} does not match its checksum (CRC-32C)")
    if size == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


def _shape(message: bytes) -> list[int]:
    """The sizes in a TensorShapeProto."""
    sizes: list[int] = []
    for _, dimension in fields(message):
        size = dict(fields(dimension)).get(1, 0)
        if len(sizes) == MOST_DIMENSIONS or not isinstance(size, int):
            raise ValueError(f"a shape that is no list of up to {MOST_DIMENSIONS} sizes")
        sizes.append(size)
    return sizes


def _masked(crc: int) -> int:
    """As it is stored, so that checksums of data that hold checksums stay good."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table_entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, in order.

    Source: https://github.com/google/leveldb/blob/main/doc/table_format.md.
    """
    footer = table[-_FOOTER_SIZE:]
    if len(footer) < _FOOTER_SIZE or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise CheckpointError("truncated, or no index of a TensorFlow checkpoint (no magic number)")
    _, _, *index_handle = varints(footer, 4)
    end = entries = 0
    for _, handle in _block_entries(_block(table, *index_handle)):
        offset, size = varints(handle, 2)
        if offset < end:
            raise ValueError("its blocks overlap")
        end, before = offset + size, entries
        for entry in _block_entries(_block(table, offset, size)):
            entries += 1
            if entries > MOST_TENSORS:
                raise CheckpointError(f"has over {MOST_TENSORS:,} tensors, more than any network")
            yield entry
        if entries == before:
            raise ValueError("it has an empty block")


def _block(table: bytes, offset: int, size: int) -> bytes:
    block, trailer = piece(table, offset, size), piece(table, offset + size, 5)
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
        shared, position = varint(block, position)
        own, position = varint(block, position)
        size, position = varint(block, position)
        if shared > len(key) or shared + own > LONGEST_NAME:
            raise ValueError(f"a name of {shared + own:,} bytes")
        key = key[:shared] + piece(block, position, own)
        position += own
        yield key, piece(block, position, size)
        position += size
