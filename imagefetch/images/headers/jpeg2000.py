"""Reads the headers of JPEG 2000: codestreams, and the files that contain them."""

from __future__ import annotations

import struct

from imagefetch.images.bounded_bytes import (
    Bytes,
    MalformedError,
    NotThisFormatError,
    UnknownSizeError,
    read_exact,
)
from imagefetch.images.boxes import inner_boxes, top_boxes
from imagefetch.images.headers.base import Header, sized

TYPES = {b"jpx ": "image/jpx", b"jpm ": "image/jpm", b"jph ": "image/jph"}
"""By brand; others are JP2."""

VIDEO = b"mjp2"
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def codestream(data: Bytes) -> Header:
    """Read the SIZ marker segment (ISO/IEC 15444-1, section A.5.1), which is the first."""
    head = read_exact(data, 0, 40)
    right, bottom, left, top = struct.unpack(">4I", head[8:24])
    return sized(right - left, bottom - top, frames=1)


def jp2(data: Bytes) -> Header:
    """Read the brand and the image header box (ISO/IEC 15444-1, sections I.5.2 and I.5.3.1).

    :raises NotThisFormatError: if it is Motion JPEG 2000, a video
    """
    media_type = None
    for name, at, length in top_boxes(data):
        if name == b"ftyp":
            brand = read_exact(data, at + 8, 4)
            if brand == VIDEO:
                raise NotThisFormatError
            media_type = TYPES.get(brand)
        elif name == b"jp2h":
            for inner, start, _ in inner_boxes(read_exact(data, at, min(length, 4_096)), 8):
                if inner == b"ihdr":
                    height, width = struct.unpack(">II", read_exact(data, at + start + 8, 8))
                    return sized(width, height, frames=1)._replace(media_type=media_type)
            raise MalformedError
        elif name == b"mhdr":  # a compound document, whose pages have headers
            raise UnknownSizeError
    raise MalformedError
