"""What is this picture? Plain functions over a file; nothing is decoded."""

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

HEAD = 4_096  # first bytes of a file that its format is told by

# Bytes that a plugin of Pillow's may read of a file to tell its size.
BYTES = 256 * 1024

# Pillow's AVIF plugin reads the whole file where a header would do; larger
# files are kept with their size in pixels unknown.
WHOLE_FILE_MAX = 16 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Picture:
    """What a file's bytes say of it."""

    media_type: str
    """As registered with IANA: ``image/jpeg``."""
    extension: str
    """With its dot: ``.jpg``."""
    width: int | None = None
    """Pixels; None where the header isn't understood, or nobody looked."""
    height: int | None = None
    mode: str | None = None
    """As Pillow calls it: ``RGB``; None where the header doesn't tell that cheaply."""
    frames: int | None = None
    """None where the header doesn't tell."""
    whole: bool | None = None
    """False where the file breaks off; None where the format has no mark of its end."""
    pillow: str | None = None
    """The one Pillow plugin that may decode it."""


ReadHeader = Callable[[Bytes], Header]


@dataclass(frozen=True)
class Format:
    """An image format, told by the first bytes of a file."""

    media_type: str
    extension: str
    signature: re.Pattern[bytes]
    header: ReadHeader | None = None
    """Reads the size; None where nothing here can."""
    ends: Callable[[Bytes, int], bool | None] | None = None
    """Whether a file whose header ends at so many bytes is whole."""
    pillow: str | None = None
    """The one Pillow plugin that may decode such a file."""


class BoundedFile:
    """A file for a plugin of Pillow's that reads *budget* bytes at most.

    :raises TooLongError: from `read`, beyond that
    """

    def __init__(self, data: Bytes, budget: int) -> None:
        self.data = data
        self.budget = budget
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        size = len(self.data) if size is None or size < 0 else size
        found = self.data[self._at : self._at + min(size, self.budget + 1)]
        self.budget -= len(found)
        if self.budget < 0:
            raise TooLongError
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, len(self.data))[whence]
        if at < 0:
            raise MalformedError
        self._at = at
        return at

    def tell(self) -> int:
        return self._at


def _by_pillow(plugin: type[ImageFile], budget: int = BYTES) -> ReadHeader:
    """Return what reads a header with *plugin* itself: `Image.open` would measure the size
    against a limit for decoding, which isn't done here."""

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

# Signatures: the formats' own specifications, as collected by the WHATWG
# (https://mimesniff.spec.whatwg.org/#image-type-pattern-matching-algorithm), by
# libmagic and by Pillow's plugins. Those of ISO base media files name the brand.
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


def probe(
    path: Path, head: bytes, *, whole: bool = False, header: bool = True, quick: bool = False
) -> Picture:
    """Say what the file at *path* is, by its bytes alone.

    *head* holds the file's first bytes, at least `HEAD` of them where it is
    that long; if they are the *whole* file, it is not opened. The header alone
    is read, so no size in pixels is too large; not even that, if *header* is
    False. A header that goes on and on is no fault: the size stays unknown.

    :raises NotAnImage: if its first bytes are those of no image format
    :raises DamagedImage: if they are, and the header makes no sense
    :raises TakesLongerError: if it is to be *quick*, and would hold the event loop up
    """
    found = format_of(head)
    if not header or (found.header is None and found.ends is None):
        return Picture(found.media_type, found.extension)
    with BytesIO(head) if whole else path.open("rb") as file:
        return _look_into(Bytes(file, quick=quick), found)


def _look_into(data: Bytes, found: Format) -> Picture:
    size: Header | None = None
    problem: Exception | None = None
    try:
        if found.header is not None:
            size = found.header(data)
    except TooLongError:
        pass
    except TakesLongerError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the picture's
        problem = error  # a parser over hostile bytes: it lets through whatever went wrong
    data.renew()
    whole: bool | None = None
    with suppress(TooLongError):
        whole = found.ends(data, size.end if size else 0) if found.ends else None
    if problem is not None and not _header_came(data, found, whole):
        raise DamagedImage from problem
    if size is None:
        return Picture(found.media_type, found.extension, whole=whole, pillow=found.pillow)
    return Picture(found.media_type, found.extension, *size[:4], whole, found.pillow)


def _header_came(data: Bytes, found: Format, whole: bool | None) -> bool:
    """Whether it is for want of the rest that libavif doesn't tell the size."""
    if whole is not False or found.ends is not ends.boxes:
        return False
    data.renew()
    return b"meta" in ends.boxes_in(data)[0]
