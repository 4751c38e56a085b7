"""Writes PNG and TIFF files that Pillow cannot write: colour of 16 bits, any size claimed, white that is zero."""

from __future__ import annotations

import struct
import zlib

import numpy as np

GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6


def png(values: np.ndarray, kind: int = GREY, size: tuple[int, int] | None = None) -> bytes:
    """Return a PNG of 16 bits; ``values`` (height, width) or (height, width, channels). ``size`` may lie."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", *(size or (width, height)), 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def tiff(values: np.ndarray, *, big: bool = False, compressed: bool = False, photometric: int = 1) -> bytes:
    """Return a TIFF of 16 bits; ``values`` (height, width) or (height, width, 3). Photometric 0: white is zero."""
    order, channels = (">" if big else "<"), 1 if values.ndim == 2 else 3
    data = values.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if compressed else data
    entries = [
        (256, 3, values.shape[1]),
        (257, 3, values.shape[0]),
        (258, 3, None),
        (259, 3, 8 if compressed else 1),
        (262, 3, 2 if channels == 3 else photometric),
        (273, 4, None),
        (277, 3, channels),
        (278, 3, values.shape[0]),
        (279, 4, len(data)),
    ]
    behind = 8 + 2 + 12 * len(entries) + 4
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    found = (b"MM" if big else b"II") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    for tag, kind, value in entries:
        count = channels if tag == 258 else 1
        value = {258: behind if channels > 1 else 16, 273: behind + len(bits)}.get(tag, value)
        short = kind == 3 and count == 1
        found += struct.pack(f"{order}HHI", tag, kind, count)
        found += struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
    return found + struct.pack(f"{order}I", 0) + bits + data
