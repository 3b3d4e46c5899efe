"""Reads the size header of JPEG XL (ISO/IEC 18181-1, section D.3), with and without container."""

from __future__ import annotations

from imagefetch.images.bounded_bytes import Bytes, MalformedError, UnknownSizeError
from imagefetch.images.boxes import begin_of, top_boxes
from imagefetch.images.headers.base import Header, sized

CODESTREAM = b"\xff\x0a"
SIDE_BITS = 9, 13, 18, 30
"""Bits of a side by its selector."""

RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height, where the size header states only the height."""


class Bits:
    """Reads bits of bytes, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self._count = len(data) * 8

    def take(self, count: int) -> int:
        """:raises UnknownSizeError: if there are fewer bits"""
        self._count -= count
        if self._count < 0:
            raise UnknownSizeError
        value = self._left & (1 << count) - 1
        self._left >>= count
        return value


def jxl(data: Bytes) -> Header:
    """Read the size as stored, before the orientation is applied."""
    at = 0 if data[:2] == CODESTREAM else _codestream(data)
    head = data[at : at + 12]
    if head[:2] != CODESTREAM:
        raise MalformedError
    bits = Bits(head[2:])
    small = bits.take(1)

    def side() -> int:
        if small:
            return (bits.take(5) + 1) * 8
        return bits.take(SIDE_BITS[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if ratio:
        wide, high = RATIOS[ratio]
        return sized(height * wide // high, height)
    return sized(side(), height)


def _codestream(data: Bytes) -> int:
    """Return the offset of the codestream in a container: that of its box, or of its first part."""
    for name, at, _ in top_boxes(data):
        if name == b"jxlc":
            return begin_of(data, at)
        if name == b"jxlp":  # its number comes first
            return begin_of(data, at) + 4
    raise UnknownSizeError
