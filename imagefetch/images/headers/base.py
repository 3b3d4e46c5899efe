"""Defines what is read from a header, and readers of fields at fixed offsets."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from imagefetch.images.bounded_bytes import Bytes, MalformedError, read_exact


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
    media_type: str | None = None
    """The type, where the header and not the first bytes determine it."""


ReadHeader = Callable[[Bytes], Header]


def sized(width: int, height: int, *, frames: int | None = None) -> Header:
    """Return a header of only a size.

    :raises MalformedError: if a side is not positive
    """
    if width <= 0 or height <= 0:
        raise MalformedError
    return Header(width, height, None, frames)


def fixed(fields: str, at: int, header_length: int, *, height_first: bool = False) -> ReadHeader:
    """Return a reader of width and height at the offset *at* of a header of *header_length* bytes;
    *fields*: their `struct` format."""

    def header(data: Bytes) -> Header:
        head = read_exact(data, 0, header_length)
        first, second = struct.unpack_from(fields, head, at)
        return sized(second, first) if height_first else sized(first, second)

    return header
