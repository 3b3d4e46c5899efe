"""Reads the headers of bitmaps (BMP, DIB), icons and cursors of Windows and OS/2."""

from __future__ import annotations

import struct

from imagefetch.images.bounded_bytes import Bytes, MalformedError, UnknownSizeError, read_exact
from imagefetch.images.headers.base import Header, sized

CORE = 12
"""Length of OS/2's BITMAPCOREHEADER, whose width and height are 16 bits long."""

PNG = b"\x89PNG"
IMAGES = 2_000
"""Maximum images of an icon that are compared."""


def bmp(data: Bytes) -> Header:
    """Read the bitmap header after the file header. In all its versions width and height are in
    the same place; neither masks, compression nor depth change the size."""
    return _bitmap(data, 14)


def dib(data: Bytes) -> Header:
    """Read a bitmap header without a file header."""
    return _bitmap(data, 0)


def _bitmap(data: Bytes, at: int) -> Header:
    """Read the bitmap header at the offset *at*; a negative height means that the first row is
    the topmost."""
    head = read_exact(data, at, CORE)
    if int.from_bytes(head[:4], "little") == CORE:
        width, height = struct.unpack("<HH", head[4:8])
    else:
        width, height = struct.unpack("<ii", head[4:12])
    return sized(width, abs(height), frames=1)


def _directory(data: Bytes) -> list[tuple[int, ...]]:
    """Return the entries of an icon: width, height, colours, planes, bits, length, offset."""
    count = min(IMAGES, int.from_bytes(read_exact(data, 4, 2), "little"))
    entries = list(struct.iter_unpack("<BBBxHHII", read_exact(data, 6, 16 * count)))
    if not entries:
        raise MalformedError
    return entries


def _image(data: Bytes, entry: tuple[int, ...]) -> Header:
    """Read the image of an icon that *entry* describes: a PNG, or a bitmap whose height includes
    that of its mask.

    :raises UnknownSizeError: if the entry has another size, as that of a PNG of 512 pixels: some
        programs show the one, some the other
    """
    inner = read_exact(data, entry[6], 24)
    if inner.startswith(PNG):
        width, height = struct.unpack(">II", inner[16:24])
    else:
        width, height, *_ = _bitmap(data, entry[6])
        height //= 2
    image = sized(width, height)
    if image[:2] != (entry[0] or 256, entry[1] or 256):
        raise UnknownSizeError
    return image


def icon(data: Bytes) -> Header:
    """Read the size of the largest image of an ICO. Pillow would decode it."""

    def rank(entry: tuple[int, ...]) -> tuple[int, int]:
        colours, bits = entry[2], entry[4]
        depth = bits or (colours - 1).bit_length() if bits or colours else 256
        return -(entry[0] or 256) * (entry[1] or 256), depth

    return _image(data, min(_directory(data), key=rank))


def cursor(data: Bytes) -> Header:
    """Read the size of the largest image of a CUR, whose entries have hot spots in place of
    planes and bits."""
    return _image(data, max(_directory(data), key=lambda e: (e[0] or 256) * (e[1] or 256)))


def is_icon(kind: bytes, head: bytes) -> bool:
    """Return whether *head* begins with an icon directory of *kind* whose first image is after it.
    The reserved bytes of an entry have any value: .NET writes 255."""
    if head[:4] != b"\0\0" + kind + b"\0" or head[4:6] in {b"\0\0", b"", b"\0"}:
        return False
    if len(head) < 22:
        return True
    count, length, offset = struct.unpack("<H8xII", head[4:22])
    return bool(length > 0 and offset >= 6 + 16 * count)


def metafile(data: Bytes) -> Header:
    """Read the frame of a placeable Windows metafile (MS-WMF, section 2.3.2.3), in CSS pixels."""
    left, top, right, bottom, inch = struct.unpack("<hhhhH", read_exact(data, 6, 10))
    if not inch:
        raise MalformedError
    return sized(abs(right - left) * 96 // inch, abs(bottom - top) * 96 // inch)


def enhanced_metafile(data: Bytes) -> Header:
    """Read the bounds of an enhanced metafile (MS-EMF, section 2.2.9), in device units."""
    left, top, right, bottom = struct.unpack("<4i", read_exact(data, 8, 16))
    return sized(right - left, bottom - top)


DEPTHS = {1, 2, 4, 8, 16, 24, 32}


def is_dib(head: bytes) -> bool:
    """Return whether *head* begins with a bitmap header of Windows, in which all fields are
    possible."""
    if len(head) < 40 or head[:4] not in {b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"}:
        return False
    width, height, planes, depth, compression = struct.unpack("<iiHHI", head[4:20])
    return 0 < width < 2**20 and height != 0 and planes == 1 and depth in DEPTHS and compression < 7
