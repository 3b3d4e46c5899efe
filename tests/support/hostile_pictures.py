"""Image files that are made to cost much."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from tests.support.png_chunks import chunk
from tests.support.samples import PNG, SIZE


def greedy_tiff() -> bytes:
    """Return a TIFF with 65,535 tags, each of which points to the whole file."""
    tags = 65_535
    table = b"".join(struct.pack("<HHII", 40_000, 1, tags * 12, 0) for _ in range(tags))
    return struct.pack("<2sHIH", b"II", 42, 8, tags) + table


def full_ico() -> bytes:
    """Return an icon that contains a complete PNG of 169 million pixels."""
    inner = zlib.compress(bytes(13_001 * 13_000), 1)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 13_000, 13_000, 8, 0, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", inner) + chunk(b"IEND", b"")
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(png), 22) + png


def text_png() -> bytes:
    """Return a PNG whose 60 texts inflate to 1 MiB each."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 8, 0, 0, 0, 0))
    texts = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20)))
    return b"\x89PNG\r\n\x1a\n" + header + texts * 60 + chunk(b"IEND", b"")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "TIFF: tags that point at everything": greedy_tiff,
    "GIF: nothing but comments": lambda: b"GIF89a" + bytes(7) + b"!\xfe\1a\0" * 400_000,
    "GIF: one comment of small blocks": lambda: b"GIF89a" + bytes(7) + b"!\xfe" + b"\1a" * 2**20,
    "JPEG: fill bytes": lambda: b"\xff\xd8\xff" + b"\xff" * 2**21,
    "JPEG: escapes": lambda: b"\xff\xd8\xff" + b"\xff\0" * 2**20,
    "JPEG: segments without end": lambda: b"\xff\xd8" + b"\xff\xe1\0\2" * 2**19,
    "JPEG: Photoshop's": lambda: (
        b"\xff\xd8"
        + (b"\xff\xed\xff\xff" + (b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5_460)[:65_533])
        * 60
    ),
    "PNG: small chunks": lambda: PNG.bytes()[:33] + chunk(b"tEXt", b"a\0b") * 100_000,
    "PNG: texts that inflate": text_png,
    "ICO: a picture of 169 million pixels": full_ico,
    "AVIF: small boxes": lambda: b"\0\0\0\x0cftypavif" + b"\0\0\0\x08free" * 300_000,
    "PNM: a comment": lambda: b"P6\n#" + b"a" * 2**20,
    "PNM: white space": lambda: b"P6\n" + b" " * 2**20,
    "PSD: resources": lambda: (
        b"8BPS\0\1"
        + bytes(6)
        + struct.pack(">HIIHHII", 3, 30, 40, 8, 3, 0, 2**31)
        + b"8BIM\4\4\0\0\0\0\0\0" * 100_000
    ),
    "ICNS: small blocks": lambda: b"icns\x7f\xff\xff\xff" + b"junk\0\0\0\x08" * 300_000,
    "JP2: small boxes": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x08free" * 300_000,
}
