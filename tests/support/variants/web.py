"""Variants of JPEG, PNG, GIF and WebP."""

from __future__ import annotations

import struct
from typing import Any

from tests.support.png_chunks import chunk
from tests.support.variants.base import noise, saved

# --- JPEG ----------------------------------------------------------------------

JPEG = saved("JPEG")


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def frame_of(marker: int, depth: int = 8) -> bytes:
    """Return a JPEG with the frame header of another process, which few programs decode."""
    at = JPEG.index(b"\xff\xc0")
    return (
        JPEG[:at] + bytes([0xFF, marker]) + JPEG[at + 2 : at + 4] + bytes([depth]) + JPEG[at + 5 :]
    )


def multi_picture() -> bytes:
    return saved("MPO", save_all=True, append_images=[noise(size=(20, 10))])


JPEGS = {
    "fill bytes": JPEG[:2] + b"\xff" * 900 + JPEG[2:],
    "fill bytes before the frame": JPEG.replace(b"\xff\xc0", b"\xff" * 700 + b"\xc0", 1),
    "300 segments": JPEG[:2] + segment(0xE5, bytes(300)) * 300 + JPEG[2:],
    "large segments": JPEG[:2] + segment(0xE2, b"\xff\xc0" * 32_000) * 20 + JPEG[2:],
    "a frame in a segment": JPEG[:2]
    + segment(0xE1, b"\xff\xd8\xff\xc0\0\x11\x08\0\1\0\1\3") + JPEG[2:],
    "comments": JPEG[:2] + segment(0xFE, b"a" * 200) * 40 + JPEG[2:],
    "garbage after the end": JPEG + bytes(range(256)) * 30,
    "another JPEG after the end": JPEG + saved("JPEG", noise(size=(9, 9))),
    "progressive": saved("JPEG", progressive=True),
    "optimized": saved("JPEG", optimize=True, subsampling=0),
    "grey": saved("JPEG", noise("L")),
    "CMYK": saved("JPEG", noise("CMYK")),
    "restart markers": saved("JPEG", restart_marker_blocks=1),
    "streamed tables": saved("JPEG", streamtype=0),
    "profile": saved("JPEG", icc_profile=bytes(150_000)),
    "several pictures": multi_picture(),
    "extended": frame_of(0xC1),
    "12 bits": frame_of(0xC1, 12),
    "lossless": frame_of(0xC3),
    "differential": frame_of(0xC5),
    "arithmetic": frame_of(0xC9),
    "progressive, arithmetic": frame_of(0xCA),
}  # fmt: skip

# --- PNG -----------------------------------------------------------------------

PNG = saved("PNG")


def after_header(*chunks: bytes) -> bytes:
    return PNG[:33] + b"".join(chunks) + PNG[33:]


FRAMES: dict[str, Any] = {"save_all": True, "append_images": [noise(), noise()]}
APNG = saved("PNG", **FRAMES)
PNGS = {
    "90 texts": after_header(*[chunk(b"tEXt", b"Comment\0" + b"a" * 500)] * 90),
    "private chunk": after_header(chunk(b"prVt", bytes(70_000))),
    "profile": saved("PNG", icc_profile=bytes(90_000)),
    "interlaced header": PNG,
    "16 bits": saved("PNG", noise("I;16")),
    "1 bit": saved("PNG", noise("1")),
    "palette": saved("PNG", noise("P"), transparency=0),
    "alpha": saved("PNG", noise("RGBA")),
    "grey and alpha": saved("PNG", noise("LA")),
    "garbage after the end": PNG + b"<html>" * 100,
    "control after the data": PNG[:-12] + chunk(b"acTL", struct.pack(">II", 2, 0)) + PNG[-12:],
}
APNGS = {
    "animated": APNG,
    "animated, with texts": APNG[:33] + chunk(b"tEXt", b"a\0b") * 20 + APNG[33:],
    "of another default image": saved("PNG", default_image=True, **FRAMES),
}

# --- GIF -----------------------------------------------------------------------

GIF = saved("GIF", noise("P"))
GIF_BLOCKS = 13 + 3 * 256
"""Where the first block of that GIF begins, after the global palette."""


def gif_with(blocks: bytes) -> bytes:
    return GIF[:GIF_BLOCKS] + blocks + GIF[GIF_BLOCKS:]


def comment(length: int) -> bytes:
    return b"!\xfe" + (b"\xff" + b"c" * 255) * (length // 255) + b"\0"


GIFS = {
    "of 1987": b"GIF87a" + GIF[6:],
    "200 comments": gif_with(comment(255) * 200),
    "long comment": gif_with(comment(100_000)),
    "XMP": gif_with(b"!\xff\x0bXMP DataXMP" + b"\x20" + b"x" * 32 + b"\0"),
    "loop": gif_with(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"),
    "unknown extension": gif_with(b"!\x77\3abc\0"),
    "plain text": gif_with(b"!\x01\x0c" + bytes(12) + b"\3abc\0"),
    "animated": saved("GIF", **FRAMES),
    "local palette": saved("GIF", save_all=True, append_images=[noise("P")]),
    "interlaced": saved("GIF", noise("P"), interlace=True),
    "garbage after the end": GIF + b"garbage" * 50,
    "a frame past the screen": GIF[:6] + struct.pack("<HH", 8, 9) + GIF[10:],
    "a screen of nothing": GIF[:6] + bytes(4) + GIF[10:],
    "no aspect ratio": GIF[:12] + b"\x31" + GIF[13:],
}

# --- WebP ----------------------------------------------------------------------

WEBP = saved("WEBP")


def riff(*chunks: bytes) -> bytes:
    data = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(data)) + data


WEBPS = {
    "lossless": saved("WEBP", lossless=True),
    "alpha": saved("WEBP", noise("RGBA")),
    "alpha, lossless": saved("WEBP", noise("RGBA"), lossless=True),
    "profile": saved("WEBP", icc_profile=bytes(900)),
    "EXIF": saved("WEBP", exif=b"Exif\0\0" + bytes(90)),
    "animated": saved("WEBP", **FRAMES),
    "animated, lossless": saved("WEBP", lossless=True, **FRAMES),
    "garbage after the end": WEBP + bytes(99),
    "unknown chunk": riff(WEBP[12:], b"abcd\4\0\0\0abcd"),
}
