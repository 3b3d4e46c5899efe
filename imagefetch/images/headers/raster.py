"""Reads the headers of raster formats of fixed layout, of which a few need more than a look at
two fields."""

from __future__ import annotations

import struct
from typing import NamedTuple

from imagefetch.images.bounded_bytes import Bytes, NotThisFormatError, read_exact
from imagefetch.images.headers.base import Header, fixed, sized

TGA_FOOTER = b"TRUEVISION-XFILE.\0"
TGA_DEPTHS = {1: {8, 15, 16}, 2: {15, 16, 24, 32}, 3: {1, 8, 16}}
"""Bits of a pixel by kind: palette, colour, grey. Kinds 9 to 11 are run-length encoded."""


class TGAHeader(NamedTuple):
    """The header of a Truevision TGA (TGA File Format Specification 2.0)."""

    id_length: int
    palette: int
    kind: int
    first_colour: int
    colours: int
    colour_bits: int
    left: int
    top: int
    width: int
    height: int
    depth: int
    flags: int

    @classmethod
    def of(cls, data: Bytes | bytes) -> TGAHeader:
        return cls(*struct.unpack("<BBBHHBHHHHBB", data[:18]))

    def is_possible(self) -> bool:
        """Whether the fields that Pillow checks are valid."""
        return (
            self.palette in {0, 1}
            and self.kind in {1, 2, 3, 9, 10, 11}
            and self.depth in {1, 8, 15, 16, 24, 32}
            and self.width * self.height > 0
        )

    def is_consistent(self) -> bool:
        """Whether all fields match each other."""
        if self.palette:
            colours = self.colours > 0 and self.colour_bits in {15, 16, 24, 32}
        else:
            colours = self.first_colour == self.colours == self.colour_bits == 0
            colours = colours and self.kind & 7 != 1
        return (
            colours
            and self.depth in TGA_DEPTHS[self.kind & 7]
            and not self.flags & 0xC0
            and self.flags & 0x0F in {0, 1, 8}
        )

    def least_length(self) -> int:
        """Return the bytes that such a file has at least; a run of 128 pixels may take as many as
        one pixel, and another."""
        pixels, pixel = self.width * self.height, (self.depth + 7) // 8
        if self.depth == 1:
            pixels = (self.width + 7) // 8 * self.height
        if self.kind & 8:
            pixels, pixel = (pixels + 127) // 128, pixel + 1
        palette = self.colours * ((self.colour_bits + 7) // 8) if self.palette else 0
        return 18 + self.id_length + palette + pixels * pixel


def may_be_tga(head: bytes) -> bool:
    """Return whether *head* may begin a TGA: the first version has no signature."""
    return len(head) >= 18 and TGAHeader.of(head).is_possible()


def tga(data: Bytes) -> Header:
    """Read the header of a TGA.

    :raises NotThisFormatError: if there is no footer, the header is not consistent, and the file
        not exactly as long as that says
    """
    head, size = TGAHeader.of(data), len(data)
    footer = data[max(0, size - len(TGA_FOOTER)) : size]
    exact = not head.kind & 8 and size == head.least_length()
    if footer != TGA_FOOTER and not head.is_consistent() and not exact:
        raise NotThisFormatError
    return sized(head.width, head.height, frames=1)


def pcx(data: Bytes) -> Header:
    """Read the window of a ZSoft PCX (ZSoft PCX File Format Technical Reference)."""
    left, top, right, bottom = struct.unpack("<HHHH", read_exact(data, 4, 8))
    return sized(right - left + 1, bottom - top + 1, frames=1)


def sgi(data: Bytes) -> Header:
    """Read an SGI image (The SGI Image File Format 1.0); of one dimension, it is a single row."""
    dimensions, width, height = struct.unpack(">HHH", read_exact(data, 4, 6))
    return sized(width, height or (dimensions == 1), frames=1)


def wbmp(data: Bytes) -> Header:
    """Read a wireless bitmap of type 0 (WAP-237-WAEMT). It has no signature: the file must be as
    long as its size requires.

    :raises NotThisFormatError: if it isn't
    """
    at, sides = 2, []
    head = data[:12]
    for _ in range(2):
        side = 0
        while True:
            if at >= len(head):
                raise NotThisFormatError
            side = side << 7 | head[at] & 0x7F
            at += 1
            if not head[at - 1] & 0x80:
                break
        sides.append(side)
    width, height = sides
    if not width or not height or len(data) != at + (width + 7) // 8 * height:
        raise NotThisFormatError
    return sized(width, height, frames=1)


def dpx(data: Bytes) -> Header:
    """Read a SMPTE DPX (ST 268), whose first bytes show its byte order."""
    order = ">" if data[:4] == b"SDPX" else "<"
    return fixed(f"{order}II", 772, 2_048)(data)


sun = fixed(">II", 4, 32)
paint = fixed("<HH", 4, 32)
xcf = fixed(">II", 14, 26)
farbfeld = fixed(">II", 8, 16)
psd = fixed(">II", 14, 26, height_first=True)
qoi = fixed(">II", 4, 14)
