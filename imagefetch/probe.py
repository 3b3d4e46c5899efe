"""What is this picture? Plain functions over a file; nothing is decoded."""

from __future__ import annotations

import re
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from imagefetch.errors import DamagedImage, NotAnImage

HEAD = 4_096  # first bytes of a file that its format is told by

# Pillow's AVIF plugin reads the whole file where a header would do; larger
# files are kept with their size in pixels unknown.
WHOLE_FILE_MAX = 16 * 1024 * 1024  # bytes
READS_WHOLE_FILE = frozenset({"AVIF"})


@dataclass(frozen=True)
class Picture:
    """What a file's bytes say of it."""

    media_type: str
    """As registered with IANA: ``image/jpeg``."""
    extension: str
    """With its dot: ``.jpg``."""
    width: int | None = None
    """Pixels; None where the format's header isn't understood."""
    height: int | None = None


@dataclass(frozen=True)
class Format:
    """An image format, told by the first bytes of a file."""

    media_type: str
    extension: str
    signature: re.Pattern[bytes]
    pillow: str | None = None
    """The one Pillow plugin that may open such a file."""


def _format(media_type: str, extension: str, signature: bytes, pillow: str | None = None) -> Format:
    return Format(media_type, extension, re.compile(signature, re.DOTALL), pillow)


# Signatures: the formats' own specifications, as collected by the WHATWG
# (https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm), by
# libmagic and by Pillow's plugins. Those of ISO base media files name the brand.
FORMATS = (
    _format("image/jpeg", ".jpg", rb"\xff\xd8\xff", "JPEG"),
    _format("image/png", ".png", rb"\x89PNG\r\n\x1a\n", "PNG"),
    _format("image/gif", ".gif", rb"GIF8[79]a", "GIF"),
    _format("image/webp", ".webp", rb"RIFF.{4}WEBP"),
    _format("image/avif", ".avif", rb".{4}ftypavi[fs]", "AVIF"),
    _format("image/heic", ".heic", rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx)"),
    _format("image/avif", ".avif", rb".{4}ftypmi[fs]1.{4}(?:.{4}){0,8}?avif", "AVIF"),
    _format("image/heif", ".heif", rb".{4}ftyp(?:mif1|msf1)"),
    _format("image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    _format("image/jp2", ".jp2", rb"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    _format("image/j2c", ".j2k", rb"\xff\x4f\xff\x51", "JPEG2000"),
    _format("image/tiff", ".tif", rb"II[*+]\0|MM\0[*+]", "TIFF"),
    _format("image/bmp", ".bmp", rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    _format("image/vnd.microsoft.icon", ".ico", rb"\0\0\x01\0[^\0]\0.{3}\0", "ICO"),
    _format("image/x-icns", ".icns", rb"icns", "ICNS"),
    _format("image/vnd.adobe.photoshop", ".psd", rb"8BPS\0[\x01\x02]", "PSD"),
    _format("image/vnd.ms-dds", ".dds", rb"DDS \x7c\0\0\0", "DDS"),
    _format("image/qoi", ".qoi", rb"qoif", "QOI"),
    _format("image/x-portable-anymap", ".pnm", rb"P[1-6][ \t\r\n#]", "PPM"),
    _format(
        "image/svg+xml",
        ".svg",
        # Atomic and possessive, or a body of many comments would be matched in
        # exponentially many ways.
        rb"(?:\xef\xbb\xbf)?\s*+"
        rb"(?>(?:<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+"
        rb"<(?:svg:)?svg[\s>]",
    ),
)


def format_of(head: bytes) -> Format:
    """Tell a file's format by its first bytes.

    :raises NotAnImage: if they are those of no image format
    """
    for known in FORMATS:
        if known.signature.match(head):
            return known
    raise NotAnImage


def probe(path: Path, head: bytes) -> Picture:
    """Say what the file at *path* is, by its bytes alone.

    *head* holds the file's first bytes, at least `HEAD` of them where it is
    that long. The header alone is read, so no size in pixels is too large.

    :raises NotAnImage: if its first bytes are those of no image format
    :raises DamagedImage: if they are, and the header makes no sense
    """
    found = format_of(head)
    if found.media_type == "image/webp":
        size: tuple[int, int] | None = _webp_size(head)
    elif found.pillow is None:
        size = None
    elif found.pillow in READS_WHOLE_FILE and path.stat().st_size > WHOLE_FILE_MAX:
        size = None
    else:
        size = _pillow_size(path, found.pillow)
    return Picture(found.media_type, found.extension, *(size or (None, None)))


def _pillow_size(path: Path, plugin: str) -> tuple[int, int]:
    limit = Image.MAX_IMAGE_PIXELS
    # The limit guards decoding, which isn't done here; it would refuse to tell
    # the size of the very files whose size one wants to know.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=[plugin]) as image:
            return image.size
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the picture's
        # A parser over hostile bytes: plugins let through whatever went wrong.
        raise DamagedImage from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _webp_size(head: bytes) -> tuple[int, int]:
    """Read a WebP canvas's size (RFC 9649, sections 2.5 to 2.7).

    Pillow's plugin allocates the whole canvas to tell it: up to 1 GiB.
    """
    kind, body = head[12:16], head[20:30]
    if len(body) == 10:
        if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            width, height = struct.unpack("<HH", body[6:10])
            return width & 0x3FFF, height & 0x3FFF
        if kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if kind == b"VP8X":
            return (
                int.from_bytes(body[4:7], "little") + 1,
                int.from_bytes(body[7:10], "little") + 1,
            )
    raise DamagedImage
