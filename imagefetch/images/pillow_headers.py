"""Reads image sizes of rare formats from their headers with Pillow's plugins, within limits."""

from __future__ import annotations

import struct
from typing import IO, cast

from PIL.BlpImagePlugin import BlpImageFile
from PIL.DcxImagePlugin import DcxImageFile
from PIL.FitsImagePlugin import FitsImageFile
from PIL.FtexImagePlugin import FtexImageFile
from PIL.GbrImagePlugin import GbrImageFile
from PIL.IcnsImagePlugin import IcnsImageFile
from PIL.ImageFile import ImageFile
from PIL.McIdasImagePlugin import McIdasImageFile
from PIL.PcdImagePlugin import PcdImageFile
from PIL.PixarImagePlugin import PixarImageFile
from PIL.SpiderImagePlugin import SpiderImageFile, isSpiderHeader
from PIL.XVThumbImagePlugin import XVThumbImageFile

from imagefetch.images.bounded_bytes import (
    BLOCK,
    Bytes,
    MalformedError,
    NotThisFormatError,
    TakesLongerError,
    TooLongError,
)
from imagefetch.images.headers.base import Header, ReadHeader, sized

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


def _with(plugin: type[ImageFile], *, weak: bool = False) -> ReadHeader:
    """Return a function that reads a header with *plugin*. `Image.open` would apply Pillow's limit
    for decoding, although nothing is decoded here.

    *weak*: what the plugin refuses is a file of another format.
    """

    def header(data: Bytes) -> Header:
        file = BoundedFile(data, BYTES)
        try:
            image = plugin(cast("IO[bytes]", file))
        except (TooLongError, TakesLongerError):
            raise
        except Exception as error:  # on untrusted bytes a plugin may raise any
            if weak:
                raise NotThisFormatError from error
            raise
        return sized(*image.size)._replace(mode=image.mode, frames=getattr(image, "n_frames", 1))

    return header


def may_be_spider(head: bytes) -> bool:
    """Return whether *head* begins with the numbers of a SPIDER file, in either byte order."""
    if len(head) < 92 or head[:4] == bytes(4):
        return False
    return any(isSpiderHeader(struct.unpack(f"{order}23f", head[:92])) for order in "><")


blp = _with(BlpImageFile)
dcx = _with(DcxImageFile)
fits = _with(FitsImageFile)
ftex = _with(FtexImageFile)
gbr = _with(GbrImageFile)
icns = _with(IcnsImageFile)
mcidas = _with(McIdasImageFile)
photo_cd = _with(PcdImageFile)
pixar = _with(PixarImageFile)
spider = _with(SpiderImageFile, weak=True)
xv_thumbnail = _with(XVThumbImageFile)
