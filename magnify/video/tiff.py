"""TIFF files that hold several pictures."""

from pathlib import Path
from typing import BinaryIO, Literal

_KINDS: dict[bytes, tuple[Literal["little", "big"], bool]] = {
    b"II*\0": ("little", False),
    b"MM\0*": ("big", False),
    b"II+\0": ("little", True),
    b"MM\0+": ("big", True),
}
"""Byte order, and whether numbers have 8 bytes, as in BigTIFF."""

_SUBFILE_TYPE, _REDUCED_OR_MASK = 254, 0b101
"""The tag that marks thumbnails and transparency masks (TIFF 6.0, section 8)."""


def pages(path: Path) -> int:
    """How many pictures a TIFF file holds, without thumbnails and masks; 0 if it is no TIFF."""
    try:
        with path.open("rb") as file:
            return _pages(file)
    except OSError:
        return 0


def _pages(file: BinaryIO) -> int:
    kind = _KINDS.get(file.read(4))
    if kind is None:
        return 0
    order, big = kind
    offset_size, count_size, entry_size = (8, 8, 20) if big else (4, 2, 12)

    def number(size: int) -> int:
        return int.from_bytes(file.read(size), order)

    file.seek(8 if big else 4)
    position, seen, count = number(offset_size), set[int](), 0
    while position and position not in seen:
        seen.add(position)
        file.seek(position)
        entries = number(count_size)
        directory = file.read(entries * entry_size) if entries < 1 << 16 else b""
        if len(directory) < entries * entry_size or not entries:
            break
        count += not _is_secondary(directory, entry_size, order)
        position = number(offset_size)
    return count


def _is_secondary(directory: bytes, entry_size: int, order: Literal["little", "big"]) -> bool:
    for entry in range(0, len(directory), entry_size):
        if int.from_bytes(directory[entry : entry + 2], order) == _SUBFILE_TYPE:
            value = directory[entry + (8 if entry_size == 12 else 12) :][:4]
            return bool(int.from_bytes(value, order) & _REDUCED_OR_MASK)
    return False
