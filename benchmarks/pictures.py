"""Generates the images to be fetched; each has different bytes, determined by its number."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache

from PIL import Image

# Sizes in pixels. Noise takes about 0.9 bytes per pixel as JPEG.
LARGE = (1_920, 1_448)  # about 2.5 MB
SMALL = (88, 88)  # about 7 KB

# The response of nginx to a tiny request; `$1` is the image's number.
TINY = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" id="p$1"/>'


def large(number: int) -> bytes:
    """Return a JPEG of about 2.5 MB."""
    return _numbered(_noise(*LARGE), number)


def small(number: int) -> bytes:
    """Return a JPEG of about 7 KB."""
    return _numbered(_noise(*SMALL), number)


def tiny(number: int) -> bytes:
    """Return an SVG of about 75 bytes."""
    return TINY.replace("$1", f"{number:07}").encode()


PICTURES: dict[str, Callable[[int], bytes]] = {"large": large, "small": small, "tiny": tiny}
EXTENSIONS = {"large": "jpg", "small": "jpg", "tiny": "svg"}


@cache
def _noise(width: int, height: int) -> bytes:
    pixels = random.Random(width).randbytes(width * height * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def _numbered(jpeg: bytes, number: int) -> bytes:
    """Return *jpeg* with its number in a comment after its first segment (ITU T.81, B.2.4.5)."""
    end = 4 + int.from_bytes(jpeg[4:6], "big")
    comment = b"\xff\xfe\x00\x09%07d" % number
    return jpeg[:end] + comment + jpeg[end:]
