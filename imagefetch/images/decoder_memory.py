"""How much memory Pillow needs to decode a picture, estimated from what its header says."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from PIL import Image

# Bytes for each pixel by plugin, at most, as measured with Pillow 13 over modes, animations and
# compressions: what the library decodes into, Pillow's own copy, and those of a conversion.
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

# OpenJPEG decodes into 32 bits for each component and a copy.
JPEG2000_PIXEL = 5
JPEG2000_COMPONENT = 7


def decode_memory(image: Image.Image, per_pixel: dict[str, int] = PER_PIXEL) -> int:
    """Return the bytes that decoding *image*, which is open, takes at most."""
    if image.format == "JPEG2000":
        each = JPEG2000_PIXEL + JPEG2000_COMPONENT * len(image.getbands())
    else:
        each = per_pixel.get(image.format or "", OTHERS)
    return image.width * image.height * each


# Formats that hold pictures of others, JPEG 2000 among them, whose sizes are theirs to tell.
NESTING = frozenset({"ICNS", "ICO"})


def allow_pixels(limit: int, plugin: str, memory: int) -> None:
    """Let Pillow decode *limit* pixels by *plugin*; where a picture of another format lies
    within, as many as take *memory* in the costliest."""
    if plugin in NESTING:
        limit = min(limit, memory // (JPEG2000_PIXEL + 4 * JPEG2000_COMPONENT))
    Image.MAX_IMAGE_PIXELS = max(1, limit)


def address_space() -> int:
    """Return the bytes of address space that this process takes, where the system tells."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 2**30
