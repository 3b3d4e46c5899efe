"""Decompresses lists: gzip, zstd, bzip2 and xz, told by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from imagefetch.errors import BadEncoding, IncompleteBody, TooLarge
from imagefetch.lists.encoding import COMPRESSED
from imagefetch.lists.kept_copy import is_kept_list
from imagefetch.output.own_files import LOOKED_AT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 2**18
"""Decompressed bytes at a time."""

MAGIC_LENGTH = max(map(len, COMPRESSED))

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}

OPEN: dict[str, Callable[[Path], Any]] = {
    "gzip": gzip.open,
    "zstd": zstd.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
}

DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}

ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""What reading a compressed file may raise."""


def compression_of(head: bytes) -> str:
    """Return how data that begins with *head* is compressed; empty if it isn't."""
    return next((SUFFIXES[end] for magic, end in COMPRESSED.items() if head.startswith(magic)), "")


def file_compression(path: Path) -> str:
    """Return how the list *path* is compressed: by its name, or as a stored copy.

    :raises OSError: if it can't be read
    """
    if how := SUFFIXES.get(path.suffix.lower()):
        return how
    with path.open("rb") as file:  # until it is kept, a copy has a temporary name
        return "gzip" if is_kept_list(file.read(LOOKED_AT)) else ""


def open_decompressed(path: Path) -> BinaryIO:
    """Open the list *path*, decompressed.

    :raises OSError: if it can't be opened
    """
    how = file_compression(path)
    return cast("BinaryIO", OPEN[how](path) if how else path.open("rb"))


class Decompressor:
    """Decompresses a list that arrives in pieces, unless it isn't compressed."""

    def __init__(self, max_size: int) -> None:
        """*max_size*: of the decompressed list, in bytes; 0: unlimited."""
        self.max_size = max_size
        self.size = 0
        """Decompressed bytes so far."""
        self._head: bytes | None = b""  # until its compression is known
        self._frames: _Frames | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield *data* decompressed.

        :raises BadEncoding: if it is damaged
        :raises TooLarge: if the decompressed list is
        """
        if self._head is not None:
            data = self._head + data
            if len(data) < MAGIC_LENGTH:
                self._head = data
                return
            self._begin(data)
        yield from self._bounded(data)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left at the end.

        :raises IncompleteBody: if the compressed data does not end here
        """
        if self._head:
            data = self._head
            self._begin(data)
            yield from self._bounded(data)
        if self._frames is not None and not self._frames.ended:
            raise IncompleteBody

    def _begin(self, head: bytes) -> None:
        self._head = None
        if how := compression_of(head):
            self._frames = _Frames(DECOMPRESSORS.get(how, _Gzip))

    def _bounded(self, data: bytes) -> Iterator[bytes]:
        for piece in (data,) if self._frames is None else self._frames.feed(data):
            self.size += len(piece)
            if self.max_size and self.size > self.max_size:
                raise TooLarge
            yield piece


class _Frames:
    """Decompresses frames, members or streams, one after the other."""

    def __init__(self, new: Callable[[], Any]) -> None:
        self._new = new
        self._decompressor = new()

    @property
    def ended(self) -> bool:
        """Whether a frame ended where the data did."""
        return bool(self._decompressor.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """:raises BadEncoding: if *data* is damaged"""
        try:
            while data or not (self._decompressor.needs_input or self._decompressor.eof):
                if self._decompressor.eof:
                    if not (data := data.lstrip(b"\0")):
                        return  # padding after the end
                    self._decompressor = self._new()
                yield self._decompressor.decompress(data, PIECE)
                data = self._decompressor.unused_data
        except ERRORS as error:
            raise BadEncoding from error


class _Gzip:
    """A member of a gzip file, with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._decompressor.decompress(self._decompressor.unconsumed_tail + data, max_length)
        self.needs_input = not self._decompressor.unconsumed_tail and len(piece) < max_length
        return piece
