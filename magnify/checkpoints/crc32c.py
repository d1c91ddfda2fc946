"""CRC-32C (Castagnoli), the checksum that TensorFlow writes beside every tensor."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = np.uint32(0x82F63B78)


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of `data`, unmasked: crc32c(b"123456789") is 0xE3069283."""
    octets = np.frombuffer(data, np.uint8)
    # Rows are summed side by side, one byte of each at a time, then joined. Summing takes time with
    # a row's length, joining with how many there are: a few rows for each byte balance the two.
    row = 1 << min(max(len(octets).bit_length() // 2 - 1, 0), 9)
    head = len(octets) % row
    state = 0xFFFFFFFF
    single = _table_list()
    for octet in octets[:head].tolist():
        state = single[(state ^ octet) & 0xFF] ^ (state >> 8)

    table = _table()
    columns = np.ascontiguousarray(octets[head:].reshape(-1, row).T)
    rows = np.zeros(columns.shape[1], np.uint32)
    for column in columns:
        rows = table[(rows ^ column) & 0xFF] ^ (rows >> 8)

    # The sum is linear: past one row, the state so far becomes what zeros would make of it,
    # plus the row's own sum.
    first, second, third, fourth = _past_row(row)
    for own in rows.tolist():
        low = first[state & 0xFF] ^ second[state >> 8 & 0xFF]
        high = third[state >> 16 & 0xFF] ^ fourth[state >> 24]
        state = own ^ low ^ high
    return state ^ 0xFFFFFFFF


@cache
def _table() -> NDArray[np.uint32]:
    """What each byte does to the state."""
    table: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, _POLYNOMIAL, np.uint32(0))
    return table


@cache
def _table_list() -> list[int]:
    """The same, for one byte at a time."""
    return [int(state) for state in _table()]


@cache
def _past_row(row: int) -> list[list[int]]:
    """[i][octet]: the state `octet << 8 i` after `row` zeros."""
    table = _table()
    states = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    for _ in range(row):
        states = table[states & 0xFF] ^ (states >> 8)
    return [[int(state) for state in octet_states] for octet_states in states]
