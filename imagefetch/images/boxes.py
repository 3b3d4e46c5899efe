"""Limits the boxes of an AVIF file (ISO/IEC 14496-12, section 4.2): the time that libavif's parser
takes is quadratic in their number."""

from __future__ import annotations

from imagefetch.images.headers import Bytes, TooLongError

# Maximum bytes of a box that describes the image or its frames, boxes in it, and nesting depth.
DESCRIPTION = 2**20
BOXES = 2_000
DEPTH = 9

# Maximum bytes of a table of items: about a thousand items. An image made of tiles has about a
# hundred.
TABLE = 2**14

TABLES = {b"iloc", b"ipma"}
CONTAINERS = {
    b"meta": 4,
    b"iinf": 6,
    b"iref": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"edts": 0,
    b"dinf": 0,
}
"""Boxes that contain boxes, with the number of bytes before the first."""


def check_boxes(data: Bytes) -> None:
    """Check that *data*, an AVIF file, can be parsed in a short time.

    :raises TooLongError: if parsing might take long
    """
    at = 0
    while at < len(data):
        head = data[at : at + 16]
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:
            length = len(data) - at
        if length < 8:
            return
        if name in CONTAINERS:
            if length > DESCRIPTION:
                raise TooLongError
            _count(data[at : at + length], BOXES)
        at += length


def _count(box: bytes, left: int, depth: int = 0) -> int:
    """Subtract *box* and all boxes in it from *left*, the number still allowed; return the rest.

    :raises TooLongError: if there are too many boxes, they are nested too deep, or a table is too
        long
    """
    name = box[4:8]
    if left == 0 or depth > DEPTH or (name in TABLES and len(box) > TABLE):
        raise TooLongError
    left -= 1
    at = 8 + CONTAINERS.get(name, len(box))
    if name == b"iinf" and box[8:9] not in {b"", b"\0"}:
        at += 2
    while at + 8 <= len(box):
        length = int.from_bytes(box[at : at + 4], "big") or len(box) - at
        if length < 8:
            break
        left = _count(box[at : at + length], left, depth + 1)
        at += length
    return left
