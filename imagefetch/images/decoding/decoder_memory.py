"""Estimates the memory that Pillow needs to decode an image, from the image's header."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from PIL import Image

# Maximum bytes for each pixel by plugin, measured with Pillow 13 over modes, animations and
# compressions: the decoding library's buffer, Pillow's copy, and the copies of a conversion.
PER_PIXEL = {
    "AVIF": 20,
    "BMP": 8,
    "DDS": 9,
    "GIF": 9,
    "ICNS": 16,
    "ICO": 16,
    "JPEG": 13,
    "MPO": 13,
    "PNG": 12,
    "PPM": 8,
    "PSD": 9,
    "QOI": 9,
    "TIFF": 9,
    "WEBP": 17,
}
OTHERS = 16

# OpenJPEG decodes each component into 32 bits, and makes a copy.
JPEG2000_PIXEL = 5
JPEG2000_COMPONENT = 7


def decode_memory(image: Image.Image, per_pixel: dict[str, int] = PER_PIXEL) -> int:
    """Return the maximum number of bytes that decoding *image*, which is open, takes."""
    if image.format == "JPEG2000":
        pixel_bytes = JPEG2000_PIXEL + JPEG2000_COMPONENT * len(image.getbands())
    else:
        pixel_bytes = per_pixel.get(image.format or "", OTHERS)
    return image.width * image.height * pixel_bytes


# Formats that contain images of other formats, such as JPEG 2000, with headers of their own.
NESTING = frozenset({"ICNS", "ICO"})


def allow_pixels(limit: int, plugin: str, memory: int) -> None:
    """Allow Pillow to decode *limit* pixels with *plugin*. If the format contains images of other
    formats, allow only as many as fit *memory* (bytes) in the format that needs most."""
    if plugin in NESTING:
        limit = min(limit, memory // (JPEG2000_PIXEL + 4 * JPEG2000_COMPONENT))
    Image.MAX_IMAGE_PIXELS = max(1, limit)


def address_space() -> int:
    """Return the bytes of address space that this process uses; 1 GiB if that is unknown."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 2**30
