"""Reads image sizes from the headers of other formats, with Pillow's plugins, within limits."""

from __future__ import annotations

from typing import IO, cast

from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.DdsImagePlugin import DdsImageFile
from PIL.IcnsImagePlugin import IcnsImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.QoiImagePlugin import QoiImageFile

from imagefetch.images.bounded_bytes import Bytes, MalformedError, TooLongError
from imagefetch.images.boxes import check_boxes
from imagefetch.images.headers import Header, ReadHeader

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


def _with(plugin: type[ImageFile], budget: int = BYTES) -> ReadHeader:
    """Return a function that reads a header with *plugin*. `Image.open` would apply Pillow's limit
    for decoding, although nothing is decoded here."""

    def header(data: Bytes) -> Header:
        file = BoundedFile(data, budget)
        image = plugin(cast("IO[bytes]", file))
        width, height = image.size
        return Header(width, height, image.mode, getattr(image, "n_frames", 1))

    return header


bmp = _with(BmpImageFile)
dds = _with(DdsImageFile)
icns = _with(IcnsImageFile)
jpeg2000 = _with(Jpeg2KImageFile)
pnm = _with(PpmImageFile)
qoi = _with(QoiImageFile)
_avif = _with(AvifImageFile, WHOLE_FILE_MAX)


def avif(data: Bytes) -> Header:
    """Read the header of an AVIF file whose boxes `check_boxes` accepts."""
    check_boxes(data)
    return _avif(data)
