"""Variants of bitmaps, icons and cursors."""

from __future__ import annotations

import struct

from tests.support.pictures import bmp, icon
from tests.support.variants.base import SIZE, Variant, noise, saved

BITMAPS = {
    "V2": bmp(*SIZE, header=52, compression=3, masks=(0xFF0000, 0xFF00, 0xFF)),
    "V3": bmp(*SIZE, header=56, compression=3, masks=(0xFF00, 0xFF, 0xFF000000, 0xFF0000)),
    "V4": bmp(*SIZE, header=108, compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    "V5, 16 bits": bmp(*SIZE, header=124, bits=16, compression=3, masks=(0x7C00, 0x3E0, 0x1F)),
    "565": bmp(*SIZE, bits=16, compression=3, masks=(0xF800, 0x7E0, 0x1F)),
    "overlapping masks": bmp(*SIZE, compression=3, masks=(0xFF00, 0xFF00, 0xFF00)),
    "masks with holes": bmp(*SIZE, compression=3, masks=(0xF0F0, 0xFF, 0xA0000)),
    "masks of nothing": bmp(*SIZE, compression=3, masks=(0, 0, 0)),
    "alpha masks, 16 bits": bmp(*SIZE, bits=16, compression=6, masks=(0xF00, 0xF0, 0xF, 0xF000)),
    "1 bit": bmp(*SIZE, bits=1),
    "4 bits": bmp(*SIZE, bits=4),
    "8 bits": bmp(*SIZE, bits=8),
    "16 bits": bmp(*SIZE, bits=16),
    "run-length, 8 bits": bmp(*SIZE, bits=8, compression=1),
    "run-length, 4 bits": bmp(*SIZE, bits=4, compression=2),
    "PNG inside": bmp(*SIZE, bits=0, compression=5),
    "CMYK": bmp(*SIZE, compression=11),
    "OS/2, Huffman": bmp(*SIZE, header=64, bits=1, compression=3),
    "OS/2, run-length": bmp(*SIZE, header=64, bits=24, compression=4),
    "OS/2 of 16": bmp(*SIZE, header=16, bits=8),
    "core": bmp(*SIZE, header=12, bits=8),
    "from the top": bmp(40, -30, header=108),
    "reserved": bmp(*SIZE, reserved=b"\xff\xff\xff\xff"),
    "garbage after the end": bmp(*SIZE) + b"garbage" * 90,
}


def icon_of(*images: bytes, kind: int = 1, reserved: int = 0, sides: tuple[int, ...] = ()) -> bytes:
    """Return an icon of PNG images, each with its *sides* in the directory."""
    at = 6 + 16 * len(images)
    entries = b""
    for image, side in zip(images, sides, strict=True):
        entries += struct.pack("<BBBBHHII", side, side, 0, reserved, 1, 32, len(image), at)
        at += len(image)
    return struct.pack("<HHH", 0, kind, len(images)) + entries + b"".join(images)


def png_of(side: int) -> bytes:
    return saved("PNG", noise("RGBA", (side, side)))


ICONS = {
    "PNG": Variant("image/vnd.microsoft.icon", icon_of(png_of(40), sides=(40,)), (40, 40)),
    "PNG of 256": Variant("image/vnd.microsoft.icon", icon_of(png_of(256), sides=(0,)), (256, 256)),
    "PNG of 512, which the directory can't say": Variant(
        "image/vnd.microsoft.icon", icon_of(png_of(512), sides=(0,)), None
    ),
    "other sides in the directory": Variant(
        "image/vnd.microsoft.icon", icon_of(png_of(40), sides=(48,)), None
    ),
    "PNGs": Variant(
        "image/vnd.microsoft.icon",
        icon_of(png_of(16), png_of(64), png_of(32), sides=(16, 64, 32), reserved=255),
        (64, 64),
    ),
    "reserved 7": Variant("image/vnd.microsoft.icon", icon(24, 20, reserved=7), (24, 20)),
    "no planes": Variant("image/vnd.microsoft.icon", icon(24, 20, hot=(0, 0)), (24, 20)),
    "garbage after the end": Variant(
        "image/vnd.microsoft.icon", icon(24, 20) + b"a" * 99, (24, 20)
    ),
    "cursor of PNG": Variant(
        "image/x-win-bitmap", icon_of(png_of(40), sides=(40,), kind=2), (40, 40)
    ),
    "cursor, hot spot": Variant("image/x-win-bitmap", icon(24, 20, kind=2, hot=(300, 7)), (24, 20)),
}
