"""Reads the headers of Apple's icons."""

from __future__ import annotations

from imagefetch.images.bounded_bytes import Bytes, MalformedError, read_exact
from imagefetch.images.headers.base import Header, sized

POINTS: dict[int, tuple[bytes, ...]] = {
    16: (b"ics#", b"ics4", b"ics8", b"is32", b"s8mk", b"icp4", b"ic04", b"ic11"),
    18: (b"icsb", b"icsB"),
    24: (b"sb24", b"SB24"),
    32: (b"ICON", b"ICN#", b"icl4", b"icl8", b"il32", b"l8mk", b"icp5", b"ic05", b"ic12"),
    48: (b"ich#", b"ich4", b"ich8", b"ih32", b"h8mk"),
    64: (b"icp6",),
    128: (b"it32", b"t8mk", b"ic07", b"ic13"),
    256: (b"ic08", b"ic14"),
    512: (b"ic09", b"ic10"),
}
"""Types of images by their side, in points."""

DOUBLE = frozenset({b"ic10", b"ic11", b"ic12", b"ic13", b"ic14", b"icsB", b"SB24"})
"""Types with two pixels for each point."""

SIZES = {name: (points, 1 + (name in DOUBLE)) for points, names in POINTS.items() for name in names}


def icns(data: Bytes) -> Header:
    """Read the size of the largest image that is complete: as in Pillow, that of most points, and
    of these that of most pixels."""
    best, at = (0, 0), 8
    while at + 8 <= len(data):
        head = read_exact(data, at, 8)
        length = int.from_bytes(head[4:], "big")
        if length < 8:
            break
        at += length
        if at <= len(data):
            best = max(best, SIZES.get(head[:4], best))
    points, scale = best
    if not points:
        raise MalformedError
    return sized(points * scale, points * scale)
