"""Bitmaps of 5 by 3 pixels with every header that one has ever had."""

from __future__ import annotations

from tests.support.pictures import bmp

BITMAPS = {
    "hot spot": bmp(reserved=b"\x15\0\x10\0"),
    "from the top": bmp(5, -3),
    "4-bit masks": bmp(compression=3, masks=(0xF000000, 0xF00000, 0xF0000)),
    "alpha masks": bmp(compression=6, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "V5, ARGB4444": bmp(header=124, bits=16, compression=3, masks=(0xF00, 0xF0, 0xF, 0xF000)),
    "JPEG inside": bmp(compression=4),
    "no such depth": bmp(bits=7),
    **{f"header of {n}": bmp(header=n, bits=24) for n in (12, 16, 24, 40, 42, 46, 48, 52, 56, 64)},
    **{f"header of {n}": bmp(header=n, bits=24) for n in (108, 124)},
}
