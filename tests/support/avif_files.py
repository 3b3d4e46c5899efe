"""Writes AVIF files with their boxes in other places, orders and versions than Pillow does. Image
data and codec configuration are Pillow's, so that browsers show these files."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import cache

from PIL import Image

from tests.support.pictures import box

BRANDS = (b"avif", b"mif1", b"miaf", b"MA1B")


def boxes_of(data: bytes, at: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each box in *data* from *at* on; lengths take 4 bytes."""
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


def wide_box(name: bytes, *contents: bytes) -> bytes:
    """Return a box whose length takes 8 bytes."""
    data = b"".join(contents)
    return struct.pack(">I4sQ", 1, name, len(data) + 16) + data


def open_box(name: bytes, *contents: bytes) -> bytes:
    """Return a box that reaches to the end of the file."""
    return bytes(4) + name + b"".join(contents)


@cache
def coded(width: int, height: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the AV1 data of an image, and its property boxes; the first is its size."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(out, "AVIF")
    top = dict(boxes_of(out.getvalue()))
    properties = dict(boxes_of(dict(boxes_of(top[b"meta"], 4))[b"iprp"]))[b"ipco"]
    return top[b"mdat"], tuple(box(name, content) for name, content in boxes_of(properties))


def located(version: int, method: int, offset: int, length: int) -> bytes:
    """Return the box that says where the data of item 1 is: *method* 1 is in ``idat``."""
    count = struct.pack(">I" if version == 2 else ">H", 1)
    item = struct.pack(">I" if version == 2 else ">H", 1)
    item += struct.pack(">H", method) if version else b""
    item += struct.pack(">HHII", 0, 1, offset, length)
    return box(b"iloc", bytes([version, 0, 0, 0]), b"\x44\0", count, item)


def avif(
    width: int = 40,
    height: int = 30,
    *transformations: bytes,
    major: bytes = b"avif",
    brands: tuple[bytes, ...] = BRANDS,
    iloc: int = 0,
    method: int = 0,
    data_first: bool = False,
    free: int = 0,
    wide: bool = False,
    to_end: bool = False,
    reversed_meta: bool = False,
    large_tables: bool = False,
) -> bytes:
    """Return an image of one item with *transformations*.

    *iloc*: version of that box; *method*: 0 stores the data in ``mdat``, 1 in ``idat``; *free*:
    bytes of unused space before ``meta``; *wide*: lengths take 8 bytes; *to_end*: the last box has
    no length; *large_tables*: numbers of items take 4 bytes, and those of properties 2.
    """
    data, properties = coded(width, height)
    properties += transformations
    begin = wide_box if wide else box
    first = box(b"ftyp", major, bytes(4), *brands)
    space = box(b"free", bytes(free)) if free else b""
    media = (open_box if to_end and not data_first else begin)(b"mdat", data)

    numbers = range(1, len(properties) + 1)
    if large_tables:
        uses = b"".join(struct.pack(">H", 0x8000 | n) for n in numbers)
        table = struct.pack(">IIIB", 0x01000001, 1, 1, len(properties)) + uses
    else:
        uses = bytes(0x80 | n for n in numbers)
        table = struct.pack(">IIHB", 0, 1, 1, len(properties)) + uses
    number = struct.pack(">I" if large_tables else ">H", 1)

    def meta(offset: int) -> bytes:
        inner = [
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes([large_tables, 0, 0, 0]), number),
            located(iloc, method, offset, len(data)),
            box(
                b"iinf",
                struct.pack(">IH", 0, 1),
                box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"av01\0"),
            ),
            begin(b"iprp", begin(b"ipco", *properties), box(b"ipma", table)),
            *([box(b"idat", data)] if method else []),
        ]
        if reversed_meta:
            inner[1:] = reversed(inner[1:])
        return (open_box if to_end and (method or data_first) else begin)(b"meta", bytes(4), *inner)

    if method:
        return first + space + meta(0)
    if data_first:
        return first + media + space + meta(len(first) + len(media) - len(data))
    offset = len(first + space + meta(0) + media) - len(data)
    return first + space + meta(offset) + media
