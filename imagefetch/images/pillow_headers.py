"""Reads image sizes of rare formats from their headers with Pillow's plugins, within limits.

A plugin is imported for the first image of its format: most runs need none.
"""

from __future__ import annotations

import struct
from functools import cache
from pkgutil import resolve_name
from typing import IO, TYPE_CHECKING, cast

from imagefetch.images.bounded_bytes import (
    BLOCK,
    Bytes,
    MalformedError,
    NotThisFormatError,
    TakesLongerError,
    TooLongError,
    UnknownSizeError,
)
from imagefetch.images.headers.base import Header, ReadHeader, sized

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Maximum bytes that a Pillow plugin may read of a file to determine its size.
BYTES = 64 * 1024


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

    def readline(self, size: int = -1) -> bytes:
        at = self._at
        line, end, _ = self.read(BLOCK if size < 0 else size).partition(b"\n")
        self._at = at + len(line) + len(end)
        return line + end

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, len(self.data))[whence]
        if at < 0:
            raise MalformedError
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Do nothing: the file is its caller's. Some plugins close it."""


@cache
def _plugin(name: str) -> type[ImageFile]:
    plugin: type[ImageFile] = resolve_name(f"PIL.{name}ImagePlugin:{name}ImageFile")
    return plugin


def _with(name: str, *, weak: bool = False) -> ReadHeader:
    """Return a function that reads a header with the plugin *name*. `Image.open` would apply
    Pillow's limit for decoding, although nothing is decoded here.

    What the plugin refuses may be valid: its size stays unknown. *weak*: it is a file of another
    format.
    """

    def header(data: Bytes) -> Header:
        file = BoundedFile(data, BYTES)
        try:
            image = _plugin(name)(cast("IO[bytes]", file))
        except (TooLongError, TakesLongerError):
            raise
        except Exception as error:  # on untrusted bytes a plugin may raise any
            if weak:
                raise NotThisFormatError from error
            if isinstance(error, OSError) and error.errno is not None:
                raise  # an error of the disk
            # Only if a field is missing, the plugin's error has a cause.
            raise MalformedError if error.__cause__ else UnknownSizeError from error
        return sized(*image.size)._replace(mode=image.mode, frames=getattr(image, "n_frames", 1))

    return header


SPIDER_WHOLE = (0, 1, 4, 11, 12, 21, 22)
"""Indices of the numbers of a SPIDER header that are whole. Of the last three, the product of the
number of records and the length of one is the length of the header."""


def may_be_spider(head: bytes) -> bool:
    """Return whether *head* begins with the numbers of a SPIDER image, in either byte order."""
    if len(head) < 92 or head[:4] == bytes(4):
        return False
    return any(_is_spider(struct.unpack(f"{order}23f", head[:92])) for order in "><")


def _is_spider(numbers: tuple[float, ...]) -> bool:
    whole = all(numbers[index].is_integer() for index in SPIDER_WHOLE)
    return whole and numbers[4] == 1 and numbers[12] * numbers[22] == numbers[21] > 0


blp = _with("Blp")
dcx = _with("Dcx")
fits = _with("Fits")
ftex = _with("Ftex")
gbr = _with("Gbr")
mcidas = _with("McIdas")
photo_cd = _with("Pcd")
pixar = _with("Pixar")
spider = _with("Spider", weak=True)
xv_thumbnail = _with("XVThumb")
