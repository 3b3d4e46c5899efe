"""Reads image sizes from the headers of the most common formats.

Pillow reads these sizes too, but does more work than untrusted bytes should be able to
cause: it reads every tag of a TIFF, inflates the texts of a PNG, decodes an icon, allocates
the canvas of a WebP. These functions read only the bytes that contain the size, within limits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from imagefetch.images.bounded_bytes import (
    READS,
    Bytes,
    MalformedError,
    TooLongError,
    byte,
    read_exact,
)


class Header(NamedTuple):
    """The properties that a header states."""

    width: int
    """Pixels."""
    height: int
    mode: str | None = None
    """Pillow's name of the mode (``RGB``); None if reading it would be expensive."""
    frames: int | None = 1
    """None if the header doesn't state it."""
    end: int = 0
    """Offset of the end of the header, in bytes."""


ReadHeader = Callable[[Bytes], Header]


# Markers without a segment: JPG, RST0 to RST7, SOI, EOI, and, as in Pillow, JPG0 to JPG13.
BARE = frozenset({0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
FRAMES = frozenset({*range(0xC0, 0xD0), 0xDE}) - {0xC4, 0xC8, 0xCC}
SCAN = 0xDA
JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def jpeg(data: Bytes) -> Header:
    """Read a JPEG up to its first scan (ITU-T T.81, annex B); payloads are skipped.

    A file that is truncated before the scan has a size if it contains the frame header.
    """
    at, frame = 2, b""
    try:
        while True:
            marker = read_exact(data, at, 2)
            if marker[0] != 0xFF or marker[1] == 0:
                at = data.find(0xFF, at + 1)
                if at < 0:
                    raise MalformedError
                continue
            kind = marker[1]
            if kind == 0xFF:
                at += 1
            elif kind in BARE:
                at += 2
            elif kind < 0xC0:
                raise MalformedError
            else:
                length = int.from_bytes(read_exact(data, at + 2, 2), "big")
                if kind in FRAMES:
                    frame = read_exact(data, at + 4, 6)
                at += 2 + max(length, 2)
                if kind == SCAN:
                    break
    except MalformedError:
        if not frame:
            raise
        at = len(data)
    if not frame:
        raise MalformedError
    height, width, components = struct.unpack(">xHHB", frame)
    if not width or not height:
        raise MalformedError
    return Header(width, height, JPEG_MODES.get(components), end=min(at, len(data)))


def png(data: Bytes) -> Header:
    """Read a PNG's IHDR (PNG specification, section 11.2.1), and its acTL up to the first IDAT."""
    head = read_exact(data, 0, 33)
    width, height, depth, colour = struct.unpack_from(">IIBB", head, 16)
    if head[8:16] != b"\0\0\0\x0dIHDR" or not width or not height:
        raise MalformedError
    grey = "I;16" if depth == 16 else "1" if depth == 1 else "L"
    modes = {0: grey, 2: "RGB", 3: "P", 4: "RGBA" if depth == 16 else "LA", 6: "RGBA"}
    at, frames = 33, 1
    for _ in range(100):
        chunk = data[at : at + 12]
        if len(chunk) < 12 or chunk[4:8] == b"IDAT":
            break
        if chunk[4:8] == b"acTL":
            frames = int.from_bytes(chunk[8:12], "big")
        at += 12 + int.from_bytes(chunk[:4], "big")
    return Header(width, height, modes.get(colour), frames, end=33)


def gif(data: Bytes) -> Header:
    """Read a GIF up to its first frame (GIF89a, sections 18 to 26).

    A frame that is larger than the screen enlarges it, as in Pillow.
    """
    head = read_exact(data, 0, 13)
    width, height, flags = struct.unpack("<HHB", head[6:11])
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while True:
        kind = byte(data, at)
        if kind == 0x2C:
            left, top, w, h = struct.unpack("<HHHH", read_exact(data, at + 1, 8))
            return Header(max(width, left + w), max(height, top + h), None, None, end=at)
        if kind == 0x3B:
            raise MalformedError
        at = after_blocks(data, at + 2) if kind == 0x21 else at + 1


def after_blocks(data: Bytes, at: int) -> int:
    """Return the offset after the sub-blocks of a GIF that begin at the offset *at*."""
    while True:
        length = byte(data, at)
        at += length + 1
        if not length:
            return at


def webp(data: Bytes) -> Header:
    """Read the canvas size of a WebP (RFC 9649, sections 2.5 to 2.7)."""
    kind, body = data[12:16], read_exact(data, 20, 5)
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, mode, end=25)
    body = read_exact(data, 20, 10)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return Header(width & 0x3FFF, height & 0x3FFF, "RGB", end=30)
    if kind == b"VP8X":
        return Header(
            int.from_bytes(body[4:7], "little") + 1,
            int.from_bytes(body[7:10], "little") + 1,
            "RGBA" if body[0] & 0x10 else "RGB",
            None if body[0] & 0x02 else 1,
            end=30,
        )
    raise MalformedError


# Bytes of a number in a TIFF by type: BYTE, SHORT, LONG, LONG8.
NUMBERS = {1: 1, 3: 2, 4: 4, 16: 8}
TURNED = {5, 6, 7, 8}
"""Orientations that swap width and height."""


def tiff(data: Bytes) -> Header:
    """Read width, length and orientation from the first directory of a TIFF (TIFF 6.0, section 2)
    or BigTIFF. Pillow would read the data that every tag points to."""
    head = read_exact(data, 0, 8)
    mark, order = ("<", "little") if head[:2] == b"II" else (">", "big")
    if 0x2B in head[2:4]:  # BigTIFF
        first, counted, entry = read_exact(data, 8, 8), 8, f"{mark}HHQ8s"
    else:
        first, counted, entry = head[4:8], 2, f"{mark}HHI4s"

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, order)  # type: ignore[arg-type]

    at = number(first)
    count = number(read_exact(data, at, counted))
    if count > READS:
        raise TooLongError
    values: dict[int, int] = {}
    size = struct.calcsize(entry)
    table = data[at + counted : at + counted + count * size]
    table = table[: len(table) // size * size]  # use the complete entries of a truncated table
    for tag, kind, values_of_tag, value in struct.iter_unpack(entry, table):
        if tag in {256, 257, 274} and values_of_tag == 1 and kind in NUMBERS:
            values[tag] = number(value[: NUMBERS[kind]])
    width, height = values.get(256), values.get(257)
    if not width or not height:
        raise MalformedError
    if values.get(274) in TURNED:
        width, height = height, width
    return Header(width, height, None, None)


def icon(data: Bytes) -> Header:
    """Read the size of the largest image of an ICO. Pillow would decode it."""
    count = int.from_bytes(read_exact(data, 4, 2), "little")
    entries = list(struct.iter_unpack("<BBBxHHII", read_exact(data, 6, 16 * count)))
    if not entries:
        raise MalformedError

    def rank(entry: tuple[int, ...]) -> tuple[int, int]:
        colours, bits = entry[2], entry[4]
        depth = bits or (colours - 1).bit_length() if bits or colours else 256
        return -(entry[0] or 256) * (entry[1] or 256), depth

    at = min(entries, key=rank)[6]
    inner = read_exact(data, at, 24)
    if inner.startswith(b"\x89PNG"):
        width, height = struct.unpack(">II", inner[16:24])
    else:  # a bitmap, whose height includes that of its mask
        width, height = struct.unpack("<ii", inner[4:12])
        height = abs(height) // 2
    if width <= 0 or height <= 0:
        raise MalformedError
    return Header(width, height, None, None)


def psd(data: Bytes) -> Header:
    """Read the header of a Photoshop file (Adobe Photoshop File Formats, "File Header Section")."""
    height, width = struct.unpack(">II", read_exact(data, 14, 8))
    return Header(width, height, None, None)
