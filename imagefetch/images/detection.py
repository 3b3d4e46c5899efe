"""Detects an image's format, and reads its size and completeness without decoding it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.bounded_bytes import (
    Bytes,
    NotThisFormatError,
    TakesLongerError,
    TooLongError,
    UnknownSizeError,
)
from imagefetch.images.formats import FORMATS, Format
from imagefetch.images.headers import Header
from imagefetch.images.non_images import KIND_HEAD, kind_of

__all__ = ["FORMATS", "HEAD", "Format", "ImageInfo", "format_of", "inspect", "probe"]

HEAD = 4_096  # first bytes of a file, from which its format is detected


@dataclass(frozen=True)
class ImageInfo:
    """Properties of an image file, read from its bytes."""

    media_type: str
    """As registered with IANA: ``image/jpeg``."""
    extension: str
    """With its dot: ``.jpg``."""
    width: int | None = None
    """Pixels; None if the header doesn't state it, or wasn't read."""
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
    damaged: bool = False
    """Whether its header is malformed."""


BY_TYPE = {f.media_type: f for f in reversed(FORMATS)}


def format_of(head: bytes) -> Format:
    """Return the format of a file that begins with *head*; of a format that is ``weak``, the rest
    of the file must tell whether it is one.

    :raises NotAnImage: if no known image format begins so
    """
    for known in FORMATS:
        if known.matches(head):
            return known
    raise NotAnImage(kind_of(head))


def probe(
    path: Path, head: bytes, *, whole: bool = False, header: bool = True, quick: bool = False
) -> ImageInfo:
    """Return the properties of an image file as `inspect` does.

    :raises DamagedImage: if the header is malformed
    """
    image = inspect(path, head, whole=whole, header=header, quick=quick)
    if image.damaged:
        raise DamagedImage
    return image


def inspect(
    path: Path, head: bytes, *, whole: bool = False, header: bool = True, quick: bool = False
) -> ImageInfo:
    """Return the properties of the image file at *path*, read from its bytes alone.

    *head* contains at least the first `HEAD` bytes of the file, or all if it is shorter; if it is
    the *whole* file, the file is not opened. Only the header is read, so there is no limit on
    the size in pixels; if *header* is False, not even the header, unless only that tells the
    format. The size of an image with an overlong header stays unknown.

    :raises NotAnImage: if the file is in no known image format
    :raises TakesLongerError: if *quick* is true and reading would block the event loop
    """
    first = format_of(head)
    if not first.weak and (not header or (first.header is None and first.ends is None)):
        return ImageInfo(first.media_type, first.extension)
    with BytesIO(head) if whole else path.open("rb") as file:
        data = Bytes(file, quick=quick)
        image = _first_of(data, head, first) if first.weak else _inspect(data, first)
    return image if header else ImageInfo(image.media_type, image.extension)


def _first_of(data: Bytes, head: bytes, first: Format) -> ImageInfo:
    """Return the properties of a file in the format *first*, or in a later one that matches.

    :raises NotAnImage: if it is in neither
    """
    for known in FORMATS[FORMATS.index(first) :]:
        if known.matches(head):
            data.renew()
            with suppress(NotThisFormatError):
                return _inspect(data, known)
    data.renew()
    with suppress(TooLongError):
        head = data[:KIND_HEAD]  # a page may begin with a long comment
    raise NotAnImage(kind_of(head))


def _inspect(data: Bytes, image_format: Format) -> ImageInfo:
    """:raises NotThisFormatError: if the file is in another format"""
    size: Header | None = None
    damaged = False
    try:
        if image_format.header is not None:
            size = image_format.header(data)
    except UnknownSizeError:
        pass
    except (TakesLongerError, NotThisFormatError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk, not of the image
        damaged = True  # on untrusted bytes a parser may raise any exception
    data.renew()
    whole: bool | None = None
    with suppress(TooLongError):
        whole = image_format.ends(data, size.end if size else 0) if image_format.ends else None
    told = image_format
    if size is None:
        return ImageInfo(
            told.media_type, told.extension, whole=whole, pillow=told.pillow, damaged=damaged
        )
    if size.media_type is not None:
        told = BY_TYPE[size.media_type]
    return ImageInfo(told.media_type, told.extension, *size[:4], whole, told.pillow)
