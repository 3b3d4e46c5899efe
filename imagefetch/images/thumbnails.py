"""Small copies of pictures, made where a stranger's picture can do no harm
(`imagefetch.utils.json_process`)."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from imagefetch.images.decoder_memory import PER_PIXEL, decode_memory

SIDE = 144
"""Pixels of a small copy, at most, either way."""

QUALITY = 70
"""Of JPEG."""


MEMORY = 2**28
"""Bytes that decoding a picture may take; one that would take more has no small copy."""

# A JPEG is decoded at an eighth of its size; a progressive one is in memory before.
THUMBNAIL = PER_PIXEL | {"JPEG": 4, "MPO": 4}


def thumbnail(path: Path, plugin: str, limit: int) -> bytes:
    """Return a small copy of the picture at *path* as JPEG, of half a picture what there is.

    :raises Exception: of Pillow's choice, if it can't be decoded or has more
        than *limit* pixels, or takes more than `MEMORY`
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    with Image.open(path, formats=[plugin]) as image:
        if image.width * image.height > limit or decode_memory(image, THUMBNAIL) > MEMORY:
            raise Image.DecompressionBombError
        # JPEG is decoded at an eighth of its size, if that will do.
        image.draft("RGB", (SIDE, SIDE))
        image.thumbnail((SIDE, SIDE), reducing_gap=2.0)
        small = ImageOps.exif_transpose(image)
    if small.has_transparency_data:  # JPEG has none, and would show what lies beneath
        white = Image.new("RGBA", small.size, "white")
        white.alpha_composite(small.convert("RGBA"))
        small = white
    file = io.BytesIO()
    small.convert("RGB").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
