"""Detects an image's format, and reads its size and completeness without decoding it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images import completeness as ends
from imagefetch.images import headers
from imagefetch.images import pillow_headers as by_pillow
from imagefetch.images.bounded_bytes import Bytes, TakesLongerError, TooLongError
from imagefetch.images.headers import Header, ReadHeader

HEAD = 4_096  # first bytes of a file, from which its format is detected


@dataclass(frozen=True)
class ImageInfo:
    """Properties of an image file, read from its bytes."""

    media_type: str
    """As registered with IANA: ``image/jpeg``."""
    extension: str
    """With its dot: ``.jpg``."""
    width: int | None = None
    """Pixels; None if the header isn't understood, or wasn't read."""
    height: int | None = None
    mode: str | None = None
    """Pillow's name of the mode: ``RGB``; None if reading it would be expensive."""
    frames: int | None = None
    """None if the header doesn't state it."""
    whole: bool | None = None
    """False if the file is truncated; None if that is unknown, as for formats without an end
    marker."""
    pillow: str | None = None
    """The one Pillow plugin that may decode it."""


@dataclass(frozen=True)
class Format:
    """An image format, recognized by the first bytes of a file."""

    media_type: str
    extension: str
    signature: re.Pattern[bytes]
    header: ReadHeader | None = None
    """Reads the size; None if that is not supported."""
    ends: Callable[[Bytes, int], bool | None] | None = None
    """Returns whether a file is complete, given the offset at which its header ends; None if it
    can't tell."""
    pillow: str | None = None
    """The one Pillow plugin that may decode such a file."""


def _format(
    media_type: str,
    extension: str,
    signature: bytes,
    header: ReadHeader | None = None,
    ends: Callable[[Bytes, int], bool | None] | None = None,
    *,
    pillow: str | None = None,
) -> Format:
    return Format(media_type, extension, re.compile(signature, re.DOTALL), header, ends, pillow)


# Sources of the signatures: the formats' own specifications, as collected by the WHATWG
# (https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm), by
# libmagic and by Pillow's plugins. Those of ISO base media files contain the brand.
FORMATS = (
    _format("image/jpeg", ".jpg", rb"\xff\xd8\xff", headers.jpeg, ends.jpeg, pillow="JPEG"),
    _format("image/png", ".png", rb"\x89PNG\r\n\x1a\n", headers.png, ends.png, pillow="PNG"),
    _format("image/gif", ".gif", rb"GIF8[79]a", headers.gif, ends.gif, pillow="GIF"),
    _format("image/webp", ".webp", rb"RIFF.{4}WEBP", headers.webp, ends.webp, pillow="WEBP"),
    _format("image/avif", ".avif", rb".{4}ftypavi[fs]", by_pillow.avif, ends.boxes, pillow="AVIF"),
    _format("image/heic", ".heic", rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx)", None, ends.boxes),
    _format(
        "image/avif",
        ".avif",
        rb".{4}ftypmi[fs]1.{4}(?:.{4}){0,8}?avif",
        by_pillow.avif,
        ends.boxes,
        pillow="AVIF",
    ),
    _format("image/heif", ".heif", rb".{4}ftyp(?:mif1|msf1)", None, ends.boxes),
    _format("image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    _format(
        "image/jp2",
        ".jp2",
        rb"\0\0\0\x0cjP  \r\n\x87\n",
        by_pillow.jpeg2000,
        pillow="JPEG2000",
    ),
    _format("image/j2c", ".j2k", rb"\xff\x4f\xff\x51", by_pillow.jpeg2000, pillow="JPEG2000"),
    _format("image/tiff", ".tif", rb"II[*+]\0|MM\0[*+]", headers.tiff, pillow="TIFF"),
    _format(
        "image/bmp",
        ".bmp",
        rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
        by_pillow.bmp,
        pillow="BMP",
    ),
    _format(
        "image/vnd.microsoft.icon",
        ".ico",
        rb"\0\0\x01\0[^\0]\0.{3}\0",
        headers.icon,
        pillow="ICO",
    ),
    _format("image/x-icns", ".icns", rb"icns", by_pillow.icns, pillow="ICNS"),
    _format("image/vnd.adobe.photoshop", ".psd", rb"8BPS\0[\x01\x02]", headers.psd, pillow="PSD"),
    _format("image/vnd.ms-dds", ".dds", rb"DDS \x7c\0\0\0", by_pillow.dds, pillow="DDS"),
    _format("image/qoi", ".qoi", rb"qoif", by_pillow.qoi, pillow="QOI"),
    _format(
        "image/x-portable-anymap",
        ".pnm",
        rb"P[1-6f][ \t\r\n#]",
        by_pillow.pnm,
        pillow="PPM",
    ),
    _format(
        "image/svg+xml",
        ".svg",
        # Atomic and possessive: else matching a body of many comments would take exponential
        # time.
        rb"(?:\xef\xbb\xbf)?\s*+"
        rb"(?>(?:<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+"
        rb"<(?:svg:)?svg[\s>]",
    ),
)


def format_of(head: bytes) -> Format:
    """Return the format of a file that begins with *head*.

    :raises NotAnImage: if no known image format begins so
    """
    for known in FORMATS:
        if known.signature.match(head):
            return known
    raise NotAnImage


def probe(
    path: Path, head: bytes, *, whole: bool = False, header: bool = True, quick: bool = False
) -> ImageInfo:
    """Return the properties of the image file at *path*, read from its bytes alone.

    *head* contains at least the first `HEAD` bytes of the file, or all if it is shorter; if it is
    the *whole* file, the file is not opened. Only the header is read, so there is no limit on
    the size in pixels; if *header* is False, not even the header. The size of an image with an
    overlong header stays unknown.

    :raises NotAnImage: if *head* is not the beginning of a known image format
    :raises DamagedImage: if the header is malformed
    :raises TakesLongerError: if *quick* is true and reading would block the event loop
    """
    image_format = format_of(head)
    if not header or (image_format.header is None and image_format.ends is None):
        return ImageInfo(image_format.media_type, image_format.extension)
    with BytesIO(head) if whole else path.open("rb") as file:
        return _inspect(Bytes(file, quick=quick), image_format)


def _inspect(data: Bytes, image_format: Format) -> ImageInfo:
    size: Header | None = None
    problem: Exception | None = None
    try:
        if image_format.header is not None:
            size = image_format.header(data)
    except TooLongError:
        pass
    except TakesLongerError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk, not of the image
        problem = error  # on untrusted bytes a parser may raise any exception
    data.renew()
    whole: bool | None = None
    with suppress(TooLongError):
        whole = image_format.ends(data, size.end if size else 0) if image_format.ends else None
    if problem is not None and not _has_header(data, image_format, whole):
        raise DamagedImage from problem
    media_type, extension = image_format.media_type, image_format.extension
    if size is None:
        return ImageInfo(media_type, extension, whole=whole, pillow=image_format.pillow)
    return ImageInfo(media_type, extension, *size[:4], whole, image_format.pillow)


def _has_header(data: Bytes, image_format: Format, whole: bool | None) -> bool:
    """Whether libavif failed only since the file is truncated: the header itself is complete."""
    if whole is not False or image_format.ends is not ends.boxes:
        return False
    data.renew()
    return b"meta" in ends.boxes_in(data)[0]
