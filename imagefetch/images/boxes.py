"""How much work an AVIF's boxes are (ISO/IEC 14496-12, section 4.2): libavif's parser takes time
that grows with the square of their number."""

from __future__ import annotations

from imagefetch.images.headers import Bytes, TooLongError

# Bytes of the boxes that describe the picture or its frames; and boxes in them.
DESCRIPTION = 2**20
BOXES = 2_000
DEPTH = 9

# Bytes of a table of items: some thousand. A picture of tiles has some hundred.
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
"""Boxes that hold others, behind so many bytes."""


def check_boxes(data: Bytes) -> None:
    """Look whether *data*, an AVIF, may be parsed.

    :raises TooLongError: if that might take long
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
    """Return what is left of *left* boxes after *box* and all within.

    :raises TooLongError: if there are more, nested too deep, or a table is too long
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
