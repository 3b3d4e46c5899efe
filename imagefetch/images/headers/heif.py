"""Reads the size of HEIF images (ISO/IEC 23008-12), as HEIC and AVIF, and of image sequences."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    TooLongError,
    UnknownSizeError,
    read_exact,
)
from imagefetch.images.boxes import begin_of, inner_boxes, top_boxes
from imagefetch.images.headers.base import Header, sized
from imagefetch.images.headers.heif_size import Properties, Size, as_all_agree, in_order

DESCRIPTION = 2**18
"""Maximum bytes of a box that describes the image."""

ITEMS = 2_000
"""Maximum items whose properties are looked through for those of the primary one."""

TABLES = 4
"""Maximum tables of associations: one for each combination of version and flags."""

Arrange = Callable[[Properties], Size | None]
"""Computes the size of an item from its properties."""


def heif(data: Bytes) -> Header:
    """Read the primary item's size, cropped (``clap``) and rotated (``irot``) as its properties
    say; without one, that of the first track that has one."""
    return _read(data, in_order)


def avif(data: Bytes) -> Header:
    """Read the same of an AVIF.

    :raises UnknownSizeError: if browsers and other programs differ in it
    """
    return _read(data, as_all_agree)


def _read(data: Bytes, arrange: Arrange) -> Header:
    readers: dict[bytes, Callable[[Bytes, int, int], Size | None]] = {
        b"meta": partial(_meta, arrange),
        b"mini": _minimized,
        b"moov": _movie,
    }
    for number, (name, at, length) in enumerate(top_boxes(data)):
        complete = 8 <= length <= len(data) - at
        if not complete:
            if number == 0:
                raise MalformedError
            break
        read = readers.pop(name, None)  # a second box of the name is not valid
        size = read(data, begin_of(data, at), at + length) if read else None
        if size is not None:
            return sized(*size)
    raise UnknownSizeError


def _described(data: Bytes, at: int, length: int) -> bytes:
    """Return the content of the box at the offset *at*."""
    if length > DESCRIPTION:
        raise TooLongError
    begin = begin_of(data, at)
    return read_exact(data, begin, at + length - begin)


def _meta(arrange: Arrange, data: Bytes, begin: int, end: int) -> Size | None:
    """Return the size of the primary item of a meta box, whose image data may be in it, too."""
    primary, properties = None, b""
    for name, at, length in inner_boxes(data, begin + 4, end):
        if length < 8 or at + length > end:
            raise MalformedError
        if name == b"pitm":
            item = _described(data, at, length)
            primary = int.from_bytes(item[4 : 6 if item[:1] == b"\0" else 8], "big")
        elif name == b"iprp":
            properties = _described(data, at, length)
        if primary is not None and properties:
            return arrange(_properties_of(properties, primary))
    return None


def _properties_of(properties: bytes, item: int) -> Properties:
    """Return the properties of *item*, in the order of its associations."""
    container: Properties = []
    indices: list[int] = []
    tables = TABLES
    for name, at, length in inner_boxes(properties, 0):
        if name == b"ipco":
            end = at + length
            for inner, start, size in inner_boxes(properties, begin_of(properties, at), end):
                container.append((inner, properties[begin_of(properties, start) : start + size]))
        elif name == b"ipma" and tables and not indices:
            tables -= 1
            indices = _associations(properties[begin_of(properties, at) : at + length], item)
    return [container[index - 1] for index in indices if 0 < index <= len(container)]


def _associations(table: bytes, item: int) -> list[int]:
    """Return the numbers of the properties of *item* in an ipma box, from 1."""
    long_items, long_indices = table[0], table[3] & 1
    count, at = int.from_bytes(table[4:8], "big"), 8
    width = 4 if long_items else 2
    size = 2 if long_indices else 1
    for _ in range(min(count, ITEMS)):
        number = int.from_bytes(table[at : at + width], "big")
        uses, at = table[at + width], at + width + 1
        if number == item:
            mask = 0x7FFF if long_indices else 0x7F
            return [
                int.from_bytes(table[at + n * size : at + (n + 1) * size], "big") & mask
                for n in range(uses)
            ]
        at += uses * size
    if count > ITEMS:
        raise TooLongError
    return []


def _minimized(data: Bytes, begin: int, _: int) -> Size:
    """Return the size in a MinimizedImageBox (ISO/IEC 23008-12, low-overhead image format)."""
    bits = int.from_bytes(read_exact(data, begin, 7), "big")

    def field(at: int, count: int) -> int:
        return bits >> 56 - at - count & (1 << count) - 1

    orientation, side = field(13, 3) + 1, 15 if field(16, 1) else 7
    width, height = field(17, side) + 1, field(17 + side, side) + 1
    return (height, width) if orientation >= 5 else (width, height)


def _movie(data: Bytes, begin: int, end: int) -> Size | None:
    """Return the size of the first track of an image sequence that has one."""
    for name, at, length in inner_boxes(data, begin, end):
        if name != b"trak":
            continue
        for inner, start, _ in inner_boxes(data, begin_of(data, at), at + length):
            if inner == b"tkhd":
                head = begin_of(data, start)
                at_size = head + (88 if data[head : head + 1] == b"\1" else 76)
                width, height = struct.unpack(">HxxHxx", read_exact(data, at_size, 8))
                if width and height:
                    return width, height
    return None
