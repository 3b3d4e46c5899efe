"""Every format that Pillow can save."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import pytest
from PIL import Image

from imagefetch.images.detection import HEAD

SIZE = (40, 30)


class Sample(NamedTuple):
    """A format that Pillow can save."""

    pillow: str
    media_type: str
    extension: str
    cut: int = 20
    """A number of bytes that includes the signature, but not the whole header."""
    options: dict[str, Any] = {}  # noqa: RUF012 - not changed
    mode: str = "RGB"
    """One that Pillow can save."""

    def bytes(self) -> bytes:
        out = io.BytesIO()
        Image.new(self.mode, SIZE, 1).save(out, self.pillow, **self.options)
        return out.getvalue()


AVIF = Sample("AVIF", "image/avif", ".avif")
PNG = Sample("PNG", "image/png", ".png")
WEBP = Sample("WEBP", "image/webp", ".webp", 29)
APNG = Sample(
    "PNG",
    "image/apng",
    ".png",
    options={"save_all": True, "append_images": [Image.new("RGB", SIZE)]},
)
WITHOUT_SIGNATURE = [
    Sample("TGA", "image/x-tga", ".tga"),
    Sample("TGA", "image/x-tga", ".tga", options={"compression": "tga_rle"}),
    Sample("DIB", "image/bmp", ".dib"),
    Sample("XBM", "image/x-xbitmap", ".xbm", mode="1"),
    Sample("SPIDER", "image/x-spider", ".spi", mode="F"),
]
"""Formats whose header must be complete, so that it is told from other files."""
SAMPLES = [
    AVIF,
    PNG,
    WEBP,
    WEBP._replace(options={"lossless": True}, cut=24),
    WEBP._replace(options={"save_all": True, "append_images": [Image.new("L", SIZE)]}),
    Sample("JPEG", "image/jpeg", ".jpg"),
    Sample("JPEG", "image/jpeg", ".jpg", options={"exif": b"Exif\0\0" + bytes(2 * HEAD)}),
    Sample("MPO", "image/jpeg", ".jpg", 3),
    Sample("GIF", "image/gif", ".gif", 12),
    Sample("JPEG2000", "image/jp2", ".jp2"),
    Sample("JPEG2000", "image/j2c", ".j2k", options={"no_jp2": True}),
    Sample("TIFF", "image/tiff", ".tif"),
    Sample("TIFF", "image/tiff", ".tif", options={"big_tiff": True}),
    Sample("BMP", "image/bmp", ".bmp"),
    Sample("ICO", "image/vnd.microsoft.icon", ".ico"),
    Sample("ICNS", "image/x-icns", ".icns"),
    Sample("DDS", "image/vnd.ms-dds", ".dds"),
    Sample("QOI", "image/qoi", ".qoi", 12),
    Sample("PPM", "image/x-portable-anymap", ".pnm", 5),
    Sample("PPM", "image/x-portable-anymap", ".pnm", 5, mode="F"),
    APNG,
    Sample("PCX", "image/x-pcx", ".pcx", 8),
    Sample("SGI", "image/sgi", ".sgi", 8),
    Sample("MSP", "image/x-mspaint", ".msp", 8, mode="1"),
    Sample("BLP", "image/x-blp", ".blp", 8, mode="P"),
    *WITHOUT_SIGNATURE,
]
each_sample = pytest.mark.parametrize(
    "sample", SAMPLES, ids=lambda sample: " ".join((sample.pillow, *sample.options))
)
