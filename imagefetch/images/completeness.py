"""Detects truncated images, by the end marker or by the lengths in the file."""

from __future__ import annotations

from collections.abc import Callable

from imagefetch.images.bounded_bytes import Bytes, MalformedError, TooLongError, byte
from imagefetch.images.boxes import begin_of, inner_boxes, top_boxes
from imagefetch.images.headers.raster import TGAHeader
from imagefetch.images.headers.web import after_blocks, first_block

# Bytes that are searched for a marker, in total and at once: other threads run in between.
SEARCH = 6 * 2**20
STEP = 2**18

JPEG_END = b"\xff\xd9"
PNG_END = b"IEND\xaeB`\x82"


def marked(mark: bytes) -> Callable[[Bytes, int], bool | None]:
    """Return a function that searches for *mark* after the header. Other data may follow the
    marker: many phones append a video to a JPEG."""

    def ends(data: Bytes, begin: int) -> bool | None:
        size = len(data)
        if data[size - len(mark) : size] == mark:
            return True
        start = max(begin, size - SEARCH)
        for at in range(start, size, STEP):
            if mark in data[at : at + STEP + len(mark) - 1]:
                return True
        return False if start == begin else None

    return ends


jpeg = marked(JPEG_END)  # in a scan, 0xFF is never followed by 0xD9
png = marked(PNG_END)


def gif(data: Bytes, begin: int) -> bool | None:
    """Whether the blocks of a GIF, from the first frame at *begin*, lead to the trailer; from the
    first block, if *begin* is 0."""
    size = len(data)
    if data[size - 2 : size] == b"\0;":
        return True
    try:
        at = begin or first_block(data)
        while True:
            kind = byte(data, at)
            if kind == 0x3B:
                return True
            if kind == 0x2C:
                flags = byte(data, at + 9)
                at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
                at = after_blocks(data, at)
            else:
                at = after_blocks(data, at + 2) if kind == 0x21 else at + 1
    except MalformedError:
        return False
    except TooLongError:
        return None


def webp(data: Bytes, _: int) -> bool:
    """Whether a WebP is as long as its header states (RFC 9649, section 2.4)."""
    return len(data) >= 8 + int.from_bytes(data[4:8], "little")


def boxes(data: Bytes, _: int) -> bool | None:
    """Whether all boxes of an ISO base media file (AVIF, HEIF) are complete, and image data is
    among them, or in the box that describes it (ISO/IEC 14496-12, sections 4.2 and 8.11.11)."""
    found = False
    for name, at, length in top_boxes(data):
        if length < 8 or at + length > len(data):
            return False
        found = found or name in DATA or (name == b"meta" and _has_data(data, at, length))
    return found


DATA = {b"mdat", b"imda", b"mini"}


def _has_data(data: Bytes, at: int, length: int) -> bool:
    begin = begin_of(data, at) + 4
    return any(name == b"idat" for name, _, _ in inner_boxes(data, begin, at + length))


def icns(data: Bytes, _: int) -> bool:
    """Whether an Apple icon is as long as its header states."""
    return len(data) >= int.from_bytes(data[4:8], "big")


def tga(data: Bytes, _: int) -> bool | None:
    """Whether a TGA is as long as its header requires; None if it is encoded, and may be."""
    head = TGAHeader.of(data)
    if len(data) < head.least_length():
        return False
    return None if head.kind & 8 else True
