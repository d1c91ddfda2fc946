"""Whether a file is whole, by its own account: most demuxers take a break for the end."""

from pathlib import Path
from typing import BinaryIO

_EBML_HEADER, _EBML_SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_BOXES = frozenset(
    b"ftyp styp moov moof mfra mdat meta uuid free skip wide pnot PICT sidx ssix emsg prft pdin "
    b"udta imda".split()
)
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


def missing_bytes(path: Path) -> int:
    """How many bytes, at least, a MP4, QuickTime, Matroska, WebM, AVI or GIF file lacks.

    0 if it is whole, or of a kind that does not say how long it is. OSError if it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head[4:] in _FIRST_BOXES:
            return max(0, _boxes_end(file, size) - size)
        if head.startswith(b"RIFF"):
            return max(0, _riff_end(file, size) - size)
        if head.startswith(_EBML_HEADER):
            return max(0, _segment_end(file) - size)
        if head.startswith(b"GIF8"):
            file.seek(-min(size, 64), 2)
            return int(not file.read().rstrip(b"\0").endswith(b";"))
    return 0


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last box of an ISO media file ends (ISO/IEC 14496-12, section 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        length, kind = int.from_bytes(file.read(4)), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8))
        # 0: to the end of the file; less makes no sense. What has no known name is no box.
        if length < 8 or kind not in _BOXES:
            return size
        position += length
    return position


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where the last RIFF list of an AVI ends; large files have several."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name != b"RIFF" or length == 0:  # what follows is no part of it, or it was never closed
            return size
        position += 8 + length + length % 2
    return position


def _segment_end(file: BinaryIO) -> int:
    """Where Matroska's segment ends (RFC 8794 and 9559); 0 if it is of unknown size."""
    file.seek(4)
    header = _ebml_size(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _EBML_SEGMENT:
        return 0
    length = _ebml_size(file)
    return 0 if length is None else file.tell() + length


def _ebml_size(file: BinaryIO) -> int | None:
    """A number whose leading zero bits tell its length; all ones mean unknown."""
    first = file.read(1)
    if first in (b"", b"\x00"):
        return None
    width = 9 - first[0].bit_length()
    bits = 7 * width
    value = int.from_bytes(first + file.read(width - 1)) & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
