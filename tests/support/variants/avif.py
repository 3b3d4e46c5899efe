"""Variants of AVIF."""

from __future__ import annotations

from tests.support.avif_files import avif
from tests.support.pictures import box, clap, irot
from tests.support.variants.base import noise, saved
from tests.support.variants.web import FRAMES

AVIFS = {
    **{f"iloc {n}, method {m}": avif(iloc=n, method=m) for n in (1, 2) for m in (0, 1)},
    "iloc 0": avif(),
    "data before its description": avif(data_first=True),
    "free space": avif(free=300_000),
    "64-bit lengths": avif(wide=True),
    "to the end": avif(to_end=True),
    "to the end, data in it": avif(to_end=True, method=1, iloc=1),
    "description to the end": avif(to_end=True, data_first=True),
    "reversed description": avif(reversed_meta=True),
    "large tables": avif(large_tables=True),
    "general brand": avif(major=b"mif1"),
    "unknown brand": avif(major=b"abcd"),
    "one brand": avif(brands=()),
    "1,500 brands": avif(brands=(b"abcd",) * 1_500 + (b"avif",)),
    "mirrored": avif(40, 30, box(b"imir", b"\1")),
    "rotated": avif(30, 40, irot(1)),
    "cropped, then rotated": avif(60, 50, clap(30, 40, at=(0, 0), of=(60, 50)), irot(3)),
    "cropped at the corner": avif(60, 50, clap(40, 30, at=(0, 0), of=(60, 50))),
    "cropped by nothing": avif(40, 30, clap(40, 30)),
    "cropped, impossibly": avif(40, 30, clap(50, 30)),
    "animated": saved("AVIF", **FRAMES),
    "alpha": saved("AVIF", noise("RGBA")),
}
AVIFS_OF_NO_SIZE = {
    "cropped at the centre": avif(60, 50, clap(40, 30)),
    "rotated, then cropped": avif(60, 50, irot(1), clap(40, 30, at=(0, 0), of=(50, 60))),
    "cropped to a fraction": avif(60, 50, clap(40, 30, at=(0, 0), of=(60, 50), below=2, more=1)),
}
"""Decoders differ."""
