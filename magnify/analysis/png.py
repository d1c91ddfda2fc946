"""PNG files of 8 or 16 bits a colour, without loss and without a library."""

import struct
import zlib
from pathlib import Path

from magnify.video import Picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB = 2
NO_FILTER = b"\0"


def write_png(picture: Picture, path: Path) -> None:
    """Writes an RGB picture (H, W, 3), uint8 or uint16 (RFC 2083)."""
    height, width = picture.shape[:2]
    bits = 8 * picture.dtype.itemsize
    rows = picture.astype(picture.dtype.newbyteorder(">"))
    data = b"".join(NO_FILTER + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, bits, RGB, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")
    with path.open("wb") as file:
        file.write(SIGNATURE)
        for kind, content in chunks:
            check = zlib.crc32(kind + content)
            file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check))
