"""Reads image sizes from the headers of other formats, with Pillow's plugins, within limits.

A plugin is imported for the first image of its format: most runs need none.
"""

from __future__ import annotations

from functools import cache
from pkgutil import resolve_name
from typing import IO, TYPE_CHECKING, cast

from imagefetch.images.bounded_bytes import Bytes, MalformedError, TooLongError
from imagefetch.images.boxes import check_boxes
from imagefetch.images.headers import Header, ReadHeader

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Maximum bytes that a Pillow plugin may read of a file to determine its size.
BYTES = 256 * 1024

# Pillow's AVIF plugin reads the whole file, not only its header. The size in pixels of larger
# files stays unknown.
WHOLE_FILE_MAX = 16 * 1024 * 1024  # bytes


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


@cache
def _plugin(name: str) -> type[ImageFile]:
    plugin: type[ImageFile] = resolve_name(f"PIL.{name}ImagePlugin:{name}ImageFile")
    return plugin


def _with(name: str, budget: int = BYTES) -> ReadHeader:
    """Return a function that reads a header with the plugin *name*. `Image.open` would apply
    Pillow's limit for decoding, although nothing is decoded here."""

    def header(data: Bytes) -> Header:
        file = BoundedFile(data, budget)
        image = _plugin(name)(cast("IO[bytes]", file))
        width, height = image.size
        return Header(width, height, image.mode, getattr(image, "n_frames", 1))

    return header


bmp = _with("Bmp")
dds = _with("Dds")
icns = _with("Icns")
jpeg2000 = _with("Jpeg2K")
pnm = _with("Ppm")
qoi = _with("Qoi")
_avif = _with("Avif", WHOLE_FILE_MAX)


def avif(data: Bytes) -> Header:
    """Read the header of an AVIF file whose boxes `check_boxes` accepts."""
    check_boxes(data)
    return _avif(data)
