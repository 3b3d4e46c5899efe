"""Reads the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2), as AVIF, and limits
their number, in which the time of libavif's parser is quadratic."""

from __future__ import annotations

from collections.abc import Iterator

from imagefetch.images.bounded_bytes import Bytes, TooLongError

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
    for name, at, length in top_boxes(data):
        if name in CONTAINERS and length >= 8:
            if length > DESCRIPTION:
                raise TooLongError
            _count(data[at : at + length], BOXES)


def top_boxes(data: Bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and length of each box that is not in another one.

    A box with an invalid length, below 8, is the last; the file may end before the last box does.
    """
    at = 0
    while at < len(data):
        head = data[at : at + 16]
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        elif length == 0:
            length = len(data) - at
        yield name, at, length
        if length < 8:
            return
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
