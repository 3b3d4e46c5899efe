"""Reads the headers of JPEG, PNG, GIF and WebP."""

from __future__ import annotations

import struct
from typing import NamedTuple

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    UnknownSizeError,
    byte,
    read_exact,
)
from imagefetch.images.headers.base import Header

# Markers without a segment: JPG, RST0 to RST7, SOI, EOI, and, as in Pillow, JPG0 to JPG13.
BARE = frozenset({0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
FRAMES = frozenset({*range(0xC0, 0xD0), 0xDE}) - {0xC4, 0xC8, 0xCC}
SCAN = 0xDA
JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


class Frame(NamedTuple):
    """The frame header of a JPEG (ITU-T T.81, section B.2.2)."""

    process: int
    """Its marker, which names the coding process: 0xC0 is baseline, 0xC2 progressive."""
    fields: bytes
    """Depth, height, width and number of components."""
    end: int
    """Offset of the end of the headers, before the first scan."""


def jpeg_frame(data: Bytes) -> Frame:
    """Read a JPEG up to its first scan (ITU-T T.81, annex B); payloads are skipped.

    A file that is truncated before the scan has a size if it contains the frame header.
    """
    at, frame, process = 2, b"", 0
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
                    frame, process = read_exact(data, at + 4, 6), kind
                at += 2 + max(length, 2)
                if kind == SCAN:
                    break
    except MalformedError:
        if not frame:
            raise
        at = len(data)
    if not frame:
        raise MalformedError
    return Frame(process, frame, min(at, len(data)))


def jpeg(data: Bytes) -> Header:
    """Read the size in the frame header of a JPEG."""
    frame = jpeg_frame(data)
    height, width, components = struct.unpack(">xHHB", frame.fields)
    if not width or not height:
        raise MalformedError
    return Header(width, height, JPEG_MODES.get(components), end=frame.end)


APNG = "image/apng"


def png(data: Bytes) -> Header:
    """Read a PNG's IHDR (PNG specification, section 11.2.1), and its acTL up to the first IDAT.

    Apple's variant has a chunk CgBI before them.
    """
    first, head = 8, read_exact(data, 0, 33)
    if head[12:16] == b"CgBI":
        first = 20 + int.from_bytes(head[8:12], "big")
        head = head[:8] + read_exact(data, first, 25)
    width, height, depth, colour = struct.unpack_from(">IIBB", head, 16)
    if head[8:16] != b"\0\0\0\x0dIHDR" or not width or not height:
        raise MalformedError
    grey = "I;16" if depth == 16 else "1" if depth == 1 else "L"
    modes = {0: grey, 2: "RGB", 3: "P", 4: "RGBA" if depth == 16 else "LA", 6: "RGBA"}
    at, frames, media_type = first + 25, 1, None
    for _ in range(100):
        chunk = data[at : at + 12]
        if len(chunk) < 12 or chunk[4:8] == b"IDAT":
            break
        if chunk[4:8] == b"acTL":
            frames = int.from_bytes(chunk[8:12], "big")
            media_type = APNG if frames else None
        at += 12 + int.from_bytes(chunk[:4], "big")
    return Header(width, height, modes.get(colour), frames, first + 25, media_type)


def gif(data: Bytes) -> Header:
    """Read a GIF up to its first frame (GIF89a, sections 18 to 26).

    A frame that is larger than the screen enlarges it, as in Pillow and in browsers.

    :raises UnknownSizeError: if what follows bytes of no block enlarges it: browsers stop there
    """
    screen = struct.unpack("<HH", read_exact(data, 6, 4))
    at, stray = first_block(data), False
    while True:
        kind = byte(data, at)
        if kind == 0x2C:
            left, top, w, h = struct.unpack("<HHHH", read_exact(data, at + 1, 8))
            width, height = max(screen[0], left + w), max(screen[1], top + h)
            if not width or not height:
                raise MalformedError
            if stray and (width, height) != screen:
                raise UnknownSizeError
            return Header(width, height, None, None, end=at)
        if kind == 0x3B:
            raise MalformedError
        stray = stray or kind != 0x21
        at = after_blocks(data, at + 2) if kind == 0x21 else at + 1


def first_block(data: Bytes) -> int:
    """Return the offset of the first block of a GIF, after the global palette."""
    flags = byte(data, 10)
    return 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


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
        width, height = width & 0x3FFF, height & 0x3FFF
        if not width or not height:
            raise MalformedError
        return Header(width, height, "RGB", end=30)
    if kind == b"VP8X":
        return Header(
            int.from_bytes(body[4:7], "little") + 1,
            int.from_bytes(body[7:10], "little") + 1,
            "RGBA" if body[0] & 0x10 else "RGB",
            None if body[0] & 0x02 else 1,
            end=30,
        )
    raise MalformedError
