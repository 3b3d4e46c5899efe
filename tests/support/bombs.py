"""Pictures of few bytes that take much memory to decode."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

START_OF_SIZE = b"\xff\x51"


def chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(side: int, colour: int = 6) -> bytes:
    """Return a PNG of *side* pixels either way, RGBA by default; of half its rows, if that many."""
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    rows = zlib.compress(bytes(min(10**8, side * (4 * side + 1))), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def jpeg2000(side: int, mode: str = "RGBA") -> bytes:
    """Return a codestream of one tile that calls itself larger than it is, in 200 bytes."""
    file = io.BytesIO()
    Image.new(mode, (64, 64)).save(file, "JPEG2000", no_jp2=True)
    data = bytearray(file.getvalue())
    at = data.index(START_OF_SIZE) + 6
    data[at : at + 32] = struct.pack(">8I", side, side, 0, 0, side, side, 0, 0)
    return bytes(data)


def icns(inner: bytes) -> bytes:
    """Return an icon whose picture of 1,024 pixels is *inner*, of whatever size that is."""
    block = b"ic10" + struct.pack(">I", len(inner) + 8) + inner
    return b"icns" + struct.pack(">I", len(block) + 8) + block


def ico(inner: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 0, 0, 0, 0, 1, 32, len(inner), 22) + inner


def psd(side: int) -> bytes:
    """Return a Photoshop file of four channels, run-length encoded."""
    header = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, side, side, 8, 3) + bytes(12)
    rows = side * 4
    row = (b"\x81\0" * (side // 128 + 1))[: 2 * (side // 128 + 1)]
    return header + b"\0\1" + struct.pack(">H", len(row)) * rows + row * rows


def box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + name + data


def avif(items: int, properties: int = 1) -> bytes:
    """Return an AVIF that speaks of so many items and properties (ISO/IEC 23008-12, section 9)."""
    infe = b"".join(
        box(b"infe", struct.pack(">IHH", 2 << 24, n, 0) + b"av01\0") for n in range(1, items + 1)
    )
    places = b"".join(struct.pack(">HHHII", n, 0, 1, 0, 10) for n in range(1, items + 1))
    uses = b"".join(struct.pack(">HBB", n, 1, 1) for n in range(1, items + 1))
    size = box(b"ispe", struct.pack(">III", 0, 64, 64))
    meta = [
        box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
        box(b"pitm", struct.pack(">IH", 0, 1)),
        box(b"iloc", bytes(4) + b"\x44\0" + struct.pack(">H", items) + places),
        box(b"iinf", bytes(4) + struct.pack(">H", items) + infe),
        box(
            b"iprp",
            box(b"ipco", size * properties) + box(b"ipma", struct.pack(">II", 0, items) + uses),
        ),
    ]
    head = box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")
    return head + box(b"meta", bytes(4) + b"".join(meta)) + box(b"mdat", bytes(100))


def saved(kind: str, side: int, mode: str = "RGBA", **how: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side), 1).save(file, kind, **how)
    return file.getvalue()


def of_every_format(side: int) -> dict[str, tuple[bytes, str]]:
    """Return a picture of *side* pixels either way for each format, by a file's name."""
    return {
        "a.png": (png(side), "image/png"),
        "a.j2k": (jpeg2000(side), "image/j2c"),
        "rgb.j2k": (jpeg2000(side, "RGB"), "image/j2c"),
        "png.icns": (icns(png(side)), "image/x-icns"),
        "j2k.icns": (icns(jpeg2000(side)), "image/x-icns"),
        "png.ico": (ico(png(side)), "image/vnd.microsoft.icon"),
        "a.psd": (psd(side), "image/vnd.adobe.photoshop"),
        "a.gif": (saved("GIF", side, "P"), "image/gif"),
        "a.tif": (saved("TIFF", side, compression="tiff_deflate"), "image/tiff"),
        "a.jpg": (saved("JPEG", side, "CMYK", progressive=True), "image/jpeg"),
    }
