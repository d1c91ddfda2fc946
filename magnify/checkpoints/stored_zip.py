"""Zip archives whose members are stored as they are, which is how torch.save writes them.

Python's own `zipfile` inflates a small file to any size, and needs the square of the time for some
directories. This reader takes no memory beyond the directory.
"""

import struct
import zlib
from typing import Any

from magnify.errors import CheckpointError

_END = struct.Struct("<4s6xH2I2x")
"""Of the archive: signature, members, bytes of the directory, where it starts."""
_ENTRY = struct.Struct("<4s4x2H4x3I3H8xI")
"""Of the directory: signature, flags, method, CRC-32, stored and full size, lengths of name, extra
field and comment, where the member starts."""
_LOCAL = struct.Struct("<4s22x2H")
"""Before a member: signature, lengths of name and extra field."""
_LONGEST_COMMENT = 2**16
_ENCRYPTED = 1


def stored_members(data: bytes) -> dict[str, memoryview]:
    """The archive's members by name, each with its checksum verified.

    Source: PKWARE's APPNOTE.TXT, 4.3. Without ZIP64, which only larger archives need.

    Raises:
        CheckpointError: truncated, damaged, compressed, encrypted, or members that overlap.
    """
    end = data.rfind(b"PK\5\6", max(0, len(data) - _END.size - _LONGEST_COMMENT))
    if end < 0 or end + _END.size > len(data):
        raise CheckpointError("truncated or damaged: no directory at the archive's end")
    _, count, _, position = _END.unpack_from(data, end)
    members, left = {}, len(data)
    for _ in range(count):
        name, member, crc, position = _member(data, position)
        left -= len(member)
        if left < 0:  # before the checksum: overlapping members make a small file a long sum
            raise CheckpointError("truncated or damaged: members of the archive overlap")
        if zlib.crc32(member) != crc:
            raise CheckpointError(f"truncated or damaged: Bad CRC-32 of {name}")
        members[name] = member
    return members


def _member(data: bytes, position: int) -> tuple[str, memoryview, int, int]:
    """Name, content and CRC-32 of the member with its entry at `position`; where the next is."""
    signature, flags, method, crc, stored, size, *lengths, start = _unpack(_ENTRY, data, position)
    if signature != b"PK\1\2":
        raise CheckpointError("truncated or damaged: the archive's directory is broken")
    if method != 0 or stored != size or flags & _ENCRYPTED:
        raise CheckpointError("a compressed zip archive, which torch.save does not write")
    position += _ENTRY.size
    name = data[position : position + lengths[0]].decode(errors="replace")
    signature, *local_lengths = _unpack(_LOCAL, data, start)
    start += _LOCAL.size + sum(local_lengths)
    member = memoryview(data)[start : start + size]
    if signature != b"PK\3\4" or len(member) != size:
        raise CheckpointError(f"truncated or damaged: {name} is not where the archive says")
    return name, member, crc, position + sum(lengths)


def _unpack(form: struct.Struct, data: bytes, position: int) -> tuple[Any, ...]:
    if position + form.size > len(data):
        raise CheckpointError("truncated or damaged: the archive's directory is broken")
    return form.unpack_from(data, position)
