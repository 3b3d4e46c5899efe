"""Reads the headers of texture formats and of OpenEXR."""

from __future__ import annotations

import struct

from imagefetch.images.bounded_bytes import Bytes, MalformedError, TooLongError, read_exact
from imagefetch.images.headers.base import Header, fixed, sized

dds = fixed("<II", 12, 128, height_first=True)


def ktx(data: Bytes) -> Header:
    """Read a KTX 1 (KTX File Format Specification, section 2.9); a texture of one dimension has
    the height 0."""
    order = "<" if read_exact(data, 12, 4) == b"\1\2\3\4" else ">"
    width, height = struct.unpack(f"{order}II", read_exact(data, 36, 8))
    return sized(width, height or 1)


def ktx2(data: Bytes) -> Header:
    """Read a KTX 2 (KTX File Format Specification 2.0, section 3)."""
    width, height = struct.unpack("<II", read_exact(data, 20, 8))
    return sized(width, height or 1)


EXR_HEADER = 2**16
"""Maximum bytes of the attributes of an OpenEXR file before its data window."""


def exr(data: Bytes) -> Header:
    """Read the data window of the first part (OpenEXR File Layout): the pixels that are stored."""
    head, at = data[:EXR_HEADER], 8
    while at < len(head):
        name, _, _ = head[at : at + 256].partition(b"\0")
        kind_at = at + len(name) + 1
        kind, _, _ = head[kind_at : kind_at + 256].partition(b"\0")
        value_at = kind_at + len(kind) + 1
        if not name or not kind or value_at + 4 > len(head):
            break
        length = int.from_bytes(head[value_at : value_at + 4], "little")
        if name == b"dataWindow" and kind == b"box2i":
            left, top, right, bottom = struct.unpack("<4i", read_exact(data, value_at + 4, 16))
            return sized(right - left + 1, bottom - top + 1)
        at = value_at + 4 + length
    raise TooLongError if at >= len(head) < len(data) else MalformedError
