"""Reads the headers of TIFF files, and of raw camera files that are TIFF inside."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

from imagefetch.images.bounded_bytes import Bytes, MalformedError, TooLongError, read_exact
from imagefetch.images.headers.base import Header, ReadHeader, sized

# Bytes of a number by type: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
NUMBERS = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
ASCII = 2

TURNED = {5, 6, 7, 8}
"""Orientations that swap width and height."""

SUBFILE_TYPE, WIDTH, HEIGHT, PHOTOMETRIC, MAKE, ORIENTATION = 254, 256, 257, 262, 271, 274
SUB_IFDS, DNG_VERSION = 330, 50706
SENSOR = {32803, 34892}
"""Photometric interpretations of sensor data: colour filter array, LinearRaw."""

MAX_TAGS = 8_000
MAX_SUB_IFDS = 16

MAKES = {
    b"NIKON": "image/x-nikon-nef",
    b"SONY": "image/x-sony-arw",
    b"PENTAX": "image/x-pentax-pef",
    b"RICOH": "image/x-pentax-pef",
    b"SAMSUNG": "image/x-samsung-srw",
    b"EASTMAN": "image/x-kodak-dcr",
    b"KODAK": "image/x-kodak-dcr",
    b"HASSELBLAD": "image/x-hasselblad-3fr",
    b"PHASE ONE": "image/x-phaseone-iiq",
    b"LEAF": "image/x-leaf-mos",
    b"EPSON": "image/x-epson-erf",
}
"""Types of raw files by the beginning of the camera's make."""


class Directories:
    """The directories of a TIFF (TIFF 6.0, section 2) or BigTIFF."""

    def __init__(self, data: Bytes) -> None:
        self.data = data
        head = read_exact(data, 0, 8)
        self.order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        mark = "<" if head[:2] == b"II" else ">"
        self.big = 0x2B in head[2:4]
        self.counted, self.entry = (8, f"{mark}HHQ8s") if self.big else (2, f"{mark}HHI4s")
        self.first = self.number(read_exact(data, 8, 8) if self.big else head[4:8])

    def number(self, raw: bytes) -> int:
        return int.from_bytes(raw, self.order)

    def read(self, at: int) -> dict[int, tuple[int, int, bytes]]:
        """Return the tags of the directory at the offset *at*: type, count, and value or offset
        of each. Of a truncated directory, those that are complete."""
        count = self.number(read_exact(self.data, at, self.counted))
        if count > MAX_TAGS:
            raise TooLongError
        size = struct.calcsize(self.entry)
        start = at + self.counted
        table = self.data[start : start + count * size]
        table = table[: len(table) // size * size]
        return {tag: rest for tag, *rest in struct.iter_unpack(self.entry, table)}  # type: ignore[misc]

    def value(self, tags: dict[int, tuple[int, int, bytes]], tag: int) -> int | None:
        """Return the number of *tag*, which must be a single one."""
        kind, count, raw = tags.get(tag, (0, 0, b""))
        return self.number(raw[: NUMBERS[kind]]) if count == 1 and kind in NUMBERS else None

    def text(self, tags: dict[int, tuple[int, int, bytes]], tag: int) -> bytes:
        kind, count, raw = tags.get(tag, (0, 0, b""))
        if kind != ASCII:
            return b""
        at = self.number(raw)
        return raw[:count] if count <= len(raw) else self.data[at : at + min(count, 64)]

    def below(self, tags: dict[int, tuple[int, int, bytes]]) -> Iterator[int]:
        """Yield the offsets of the directories that *tags* name as sub-IFDs."""
        kind, count, raw = tags.get(SUB_IFDS, (0, 0, b""))
        length = NUMBERS.get(kind, 0)
        count = min(count, MAX_SUB_IFDS)
        if count * length > len(raw):
            raw = self.data[self.number(raw) : self.number(raw) + count * length]
        for index in range(count if length else 0):
            yield self.number(raw[index * length : (index + 1) * length])


def tiff(data: Bytes) -> Header:
    """Read width, length and orientation from the first directory. Pillow would read the data
    that every tag points to.

    The first directory of a raw camera file describes a preview; the sensor's data is in a
    directory below it.
    """
    found = Directories(data)
    tags = found.read(found.first)
    width, height = found.value(tags, WIDTH), found.value(tags, HEIGHT)
    if DNG_VERSION in tags or data[8:10] == b"CR" or _may_be_raw(found, tags):
        raw = _raw(found, tags)
        if raw is not None:
            return raw
    if not width or not height:
        raise MalformedError
    if found.value(tags, ORIENTATION) in TURNED:
        width, height = height, width
    return Header(width, height, None, None)


def _may_be_raw(found: Directories, tags: dict[int, tuple[int, int, bytes]]) -> bool:
    return MAKE in tags and (SUB_IFDS in tags or found.value(tags, PHOTOMETRIC) in SENSOR)


def _raw(found: Directories, tags: dict[int, tuple[int, int, bytes]]) -> Header | None:
    """Return the header of a raw camera file; None if the file is an ordinary TIFF."""
    make = found.text(tags, MAKE).upper()
    if DNG_VERSION in tags:
        media_type = "image/x-adobe-dng"
    elif found.data[8:10] == b"CR":
        media_type = "image/x-canon-cr2"
    else:
        media_type = next((name for key, name in MAKES.items() if make.startswith(key)), "")
    directories = [tags]
    for at in found.below(tags):
        try:
            directories.append(found.read(at))
        except MalformedError:
            continue
    sensor = [each for each in directories if found.value(each, PHOTOMETRIC) in SENSOR]
    if not media_type or not (sensor or DNG_VERSION in tags or found.data[8:10] == b"CR"):
        return None
    sizes = [
        (width, height)
        for each in sensor or directories
        if (width := found.value(each, WIDTH)) and (height := found.value(each, HEIGHT))
    ]
    if not sizes:
        raise MalformedError
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header(width, height, None, None, media_type=media_type)


def variant(width: int, height: int) -> ReadHeader:
    """Return a reader for a relative of TIFF with width and height in the tags *width* and
    *height* of the first directory."""

    def header(data: Bytes) -> Header:
        found = Directories(data)
        tags = found.read(found.first)
        return sized(found.value(tags, width) or 0, found.value(tags, height) or 0)

    return header


def panasonic(data: Bytes) -> Header:
    """Read the borders of the image on the sensor, or the size of the sensor, of an RW2."""
    found = Directories(data)
    tags = found.read(found.first)
    wide, high, top, left, bottom, right = (found.value(tags, tag) or 0 for tag in range(2, 8))
    if right > left and bottom > top:
        return sized(right - left, bottom - top)
    return sized(wide, high)


olympus = variant(WIDTH, HEIGHT)
jpeg_xr = variant(0xBC80, 0xBC81)
