"""Protocol buffers without their schema, and the numbers that they are written with.

Source: the wire format, https://protobuf.dev/programming-guides/encoding/.
"""

import struct
from collections.abc import Iterator
from typing import Any

_LONGEST_VARINT = 10
"""Bytes that 64 bits take, 7 in each."""


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value, an int or bytes, of each field of a message.

    Raises:
        EOFError: the message ends within a field.
        ValueError: it is none.
    """
    position = 0
    while position < len(message):
        tag, position = varint(message, position)
        value: object
        if tag & 7 == 0:
            value, position = varint(message, position)
        elif tag & 7 == 2:
            size, position = varint(message, position)
            value, position = piece(message, position, size), position + size
        elif tag & 7 == 5:
            (value,) = struct.unpack("<I", piece(message, position, 4))
            position += 4
        else:
            raise ValueError(f"field of unknown wire type {tag & 7}")
        yield tag >> 3, value


def varints(data: bytes, count: int) -> list[int]:
    """The first numbers of `data`."""
    values, position = [], 0
    for _ in range(count):
        value, position = varint(data, position)
        values.append(value)
    return values


def varint(data: bytes, position: int) -> tuple[int, int]:
    """A number in groups of 7 bits, the lowest first, and where the next one starts."""
    value = 0
    for place, octet in enumerate(piece(data, position, 1, _LONGEST_VARINT)):
        value |= (octet & 0x7F) << 7 * place
        if octet < 0x80:
            return value, position + place + 1
    raise ValueError("a number without an end")


def piece(data: bytes, position: int, least: int, most: int | None = None) -> bytes:
    """The bytes from `position` on: at least `least`, and `most` where there are so many."""
    found = data[position : position + (most or least)]
    if len(found) < least:
        raise EOFError("it ends too early")
    return found
