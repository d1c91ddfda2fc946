"""CRC-32C (Castagnoli), the checksum that TensorFlow writes beside every tensor."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = np.uint32(0x82F63B78)
_ROW = 512
"""Bytes of a row. Rows are summed side by side, one byte of each at a time, then joined."""


def crc32c(data: bytes) -> int:
    """The checksum of `data`, unmasked: crc32c(b"123456789") is 0xE3069283."""
    octets = np.frombuffer(data, np.uint8)
    head = len(octets) % _ROW
    table = _table()
    state = 0xFFFFFFFF
    for octet in octets[:head].tolist():
        state = int(table[(state ^ octet) & 0xFF]) ^ (state >> 8)

    columns = np.ascontiguousarray(octets[head:].reshape(-1, _ROW).T)
    rows = np.zeros(columns.shape[1], np.uint32)
    for column in columns:
        rows = table[(rows ^ column) & 0xFF] ^ (rows >> 8)

    # The sum is linear: past one row, the state so far becomes what zeros would make of it,
    # plus the row's own sum.
    first, second, third, fourth = _past_row()
    for row in rows.tolist():
        low = first[state & 0xFF] ^ second[state >> 8 & 0xFF]
        high = third[state >> 16 & 0xFF] ^ fourth[state >> 24]
        state = row ^ low ^ high
    return state ^ 0xFFFFFFFF


@cache
def _table() -> NDArray[np.uint32]:
    """What each byte does to the state."""
    table: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, _POLYNOMIAL, np.uint32(0))
    return table


@cache
def _past_row() -> list[list[int]]:
    """[i][octet]: the state `octet << 8 i` after a row of zeros."""
    table = _table()
    states = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    for _ in range(_ROW):
        states = table[states & 0xFF] ^ (states >> 8)
    return [[int(state) for state in octet_states] for octet_states in states]
