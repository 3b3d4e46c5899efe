"""Detects an image's format, and reads its size and completeness without decoding it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, cast

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.DdsImagePlugin import DdsImageFile
from PIL.IcnsImagePlugin import IcnsImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.QoiImagePlugin import QoiImageFile

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images import completeness as ends
from imagefetch.images import headers
from imagefetch.images.boxes import check_boxes
from imagefetch.images.headers import Bytes, Header, MalformedError, TakesLongerError, TooLongError

HEAD = 4_096  # first bytes of a file, from which its format is detected

# Maximum bytes that a Pillow plugin may read of a file to determine its size.
BYTES = 256 * 1024

# Pillow's AVIF plugin reads the whole file, not only its header. The size in pixels of larger
# files stays unknown.
WHOLE_FILE_MAX = 16 * 1024 * 1024  # bytes


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


ReadHeader = Callable[[Bytes], Header]


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


class BoundedFile:
    """A file of which a Pillow plugin can read at most *budget* bytes.

    :raises TooLongError: from `read`, if more bytes are read
    """

    def __init__(self, data: Bytes, budget: int) -> None:
        self.data = data
        self.budget = budget
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        size = len(self.data) if size is None or size < 0 else size
        chunk = self.data[self._at : self._at + min(size, self.budget + 1)]
        self.budget -= len(chunk)
        if self.budget < 0:
            raise TooLongError
        self._at += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, len(self.data))[whence]
        if at < 0:
            raise MalformedError
        self._at = at
        return at

    def tell(self) -> int:
        return self._at


def _by_pillow(plugin: type[ImageFile], budget: int = BYTES) -> ReadHeader:
    """Return a function that reads a header with *plugin*. `Image.open` would apply Pillow's limit
    for decoding, although nothing is decoded here."""

    def header(data: Bytes) -> Header:
        file = BoundedFile(data, budget)
        image = plugin(cast("IO[bytes]", file))
        width, height = image.size
        return Header(width, height, image.mode, getattr(image, "n_frames", 1))

    return header


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


_avif_by_pillow = _by_pillow(AvifImageFile, WHOLE_FILE_MAX)


def _avif(data: Bytes) -> Header:
    check_boxes(data)
    return _avif_by_pillow(data)


_jpeg2000 = _by_pillow(Jpeg2KImageFile)

# Sources of the signatures: the formats' own specifications, as collected by the WHATWG
# (https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm), by
# libmagic and by Pillow's plugins. Those of ISO base media files contain the brand.
FORMATS = (
    _format("image/jpeg", ".jpg", rb"\xff\xd8\xff", headers.jpeg, ends.jpeg, pillow="JPEG"),
    _format("image/png", ".png", rb"\x89PNG\r\n\x1a\n", headers.png, ends.png, pillow="PNG"),
    _format("image/gif", ".gif", rb"GIF8[79]a", headers.gif, ends.gif, pillow="GIF"),
    _format("image/webp", ".webp", rb"RIFF.{4}WEBP", headers.webp, ends.webp, pillow="WEBP"),
    _format("image/avif", ".avif", rb".{4}ftypavi[fs]", _avif, ends.boxes, pillow="AVIF"),
    _format("image/heic", ".heic", rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx)", None, ends.boxes),
    _format(
        "image/avif",
        ".avif",
        rb".{4}ftypmi[fs]1.{4}(?:.{4}){0,8}?avif",
        _avif,
        ends.boxes,
        pillow="AVIF",
    ),
    _format("image/heif", ".heif", rb".{4}ftyp(?:mif1|msf1)", None, ends.boxes),
    _format("image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    _format("image/jp2", ".jp2", rb"\0\0\0\x0cjP  \r\n\x87\n", _jpeg2000, pillow="JPEG2000"),
    _format("image/j2c", ".j2k", rb"\xff\x4f\xff\x51", _jpeg2000, pillow="JPEG2000"),
    _format("image/tiff", ".tif", rb"II[*+]\0|MM\0[*+]", headers.tiff, pillow="TIFF"),
    _format(
        "image/bmp",
        ".bmp",
        rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
        _by_pillow(BmpImageFile),
        pillow="BMP",
    ),
    _format(
        "image/vnd.microsoft.icon",
        ".ico",
        rb"\0\0\x01\0[^\0]\0.{3}\0",
        headers.icon,
        pillow="ICO",
    ),
    _format("image/x-icns", ".icns", rb"icns", _by_pillow(IcnsImageFile), pillow="ICNS"),
    _format("image/vnd.adobe.photoshop", ".psd", rb"8BPS\0[\x01\x02]", headers.psd, pillow="PSD"),
    _format("image/vnd.ms-dds", ".dds", rb"DDS \x7c\0\0\0", _by_pillow(DdsImageFile), pillow="DDS"),
    _format("image/qoi", ".qoi", rb"qoif", _by_pillow(QoiImageFile), pillow="QOI"),
    _format(
        "image/x-portable-anymap",
        ".pnm",
        rb"P[1-6f][ \t\r\n#]",
        _by_pillow(PpmImageFile),
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
