"""Makes thumbnails. Call this in a subprocess (`imagefetch.utils.processes.json_process`), since
images are untrusted."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from imagefetch.images.decoding.decoder_memory import PER_PIXEL, decode_memory

SIDE = 144
"""Maximum width and height of a thumbnail, in pixels."""

QUALITY = 70
"""JPEG quality."""


MEMORY = 2**28
"""Maximum bytes for decoding an image; one that needs more has no thumbnail."""

# A JPEG is decoded at an eighth of its size, but a progressive one is first read into memory.
THUMBNAIL = PER_PIXEL | {"JPEG": 4, "MPO": 4}


def thumbnail(path: Path, plugin: str, limit: int) -> bytes:
    """Return a thumbnail of the image at *path* as JPEG; of a truncated image, the part received.

    :raises Exception: any of Pillow's, if the image can't be decoded, has more than *limit*
        pixels, or needs more than `MEMORY`
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    with Image.open(path, formats=[plugin]) as image:
        if image.width * image.height > limit or decode_memory(image, THUMBNAIL) > MEMORY:
            raise Image.DecompressionBombError
        # A JPEG is decoded at an eighth of its size, if that is large enough.
        image.draft("RGB", (SIDE, SIDE))
        image.thumbnail((SIDE, SIDE), reducing_gap=2.0)
        small = ImageOps.exif_transpose(image)
    if small.has_transparency_data:  # JPEG would show the colours of transparent pixels
        white = Image.new("RGBA", small.size, "white")
        white.alpha_composite(small.convert("RGBA"))
        small = white
    file = io.BytesIO()
    small.convert("RGB").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


ORIENTATION = 0x0112
TURNED = 5
"""Orientations from this one on swap width and height (Exif 3.0, section 4.6.5)."""


def is_turned(path: Path, plugin: str) -> bool:
    """Return whether the image at *path* is stored on its side: its thumbnail, which stands
    upright, is as high as the image is wide.

    :raises Exception: any of Pillow's, if the header can't be read
    """
    with Image.open(path, formats=[plugin]) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
    return isinstance(orientation, int) and orientation >= TURNED
