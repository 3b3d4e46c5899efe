"""Decoders of single content encodings: gzip and deflate, br, zstd.

A decoder takes about as much memory as its window. That is 32 KiB for gzip and deflate, at most
8 MiB for zstd (RFC 9659; more is rejected) and at most 16 MiB for br (RFC 7932; "large window"
brotli is rejected). A body that consists of tiny members is rejected: no encoder produces one.

libcurl's own decoders accept some truncated bodies as complete, and know no zstd.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

from imagefetch.errors import BadEncoding, IncompleteBody

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

PIECE = 2**18  # decoded bytes at a time; the size limit is checked after each piece

# The largest window of a zstd frame, as a power of two: the limit of RFC 9659 for HTTP.
ZSTD_WINDOW = 23

# Maximum gzip members or zstd frames of a body, plus one per `PART` decoded bytes. Encoders
# that write blocks use 64 KiB and more.
PARTS = 1_000
PART = 4_096


class Decoder(Protocol):
    """Decodes a body incrementally."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield *data* decoded, at most about `PIECE` bytes at a time.

        :raises BadEncoding: if *data* is not in the encoding, or exceeds a limit
        """

    def finish(self) -> None:
        """Signal the end of the body.

        :raises IncompleteBody: if the encoded data does not end here
        """


class _MemberCount:
    """Counts the gzip members or zstd frames of a body.

    :raises BadEncoding: from `begin`, if there are too many for the decoded size
    """

    def __init__(self) -> None:
        self.count = 0
        self.decoded = 0

    def begin(self) -> None:
        self.count += 1
        if self.count > PARTS + self.decoded // PART:
            raise BadEncoding


class ZlibDecoder:
    """Decodes gzip, of one or several members, and deflate with or without zlib header."""

    def __init__(self, wbits: int) -> None:
        self.wbits = wbits
        self.decompressor = zlib.decompressobj(wbits)
        self.begun = False
        self.members = _MemberCount()

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self.begun and data:
            self.begun = True
            if self.wbits == 15 and data[0] & 0x0F != 8:
                self.decompressor = zlib.decompressobj(-15)  # raw deflate, as some servers send it
        piece = b""
        while data or len(piece) >= PIECE:  # after a full piece, output may be buffered
            if self.decompressor.eof:
                if self.wbits != 31 or not data.startswith(b"\x1f"):
                    return  # padding after the end
                self.members.begin()
                self.decompressor = zlib.decompressobj(self.wbits)
            try:
                piece = self.decompressor.decompress(data, PIECE)
            except zlib.error as error:
                raise BadEncoding from error
            self.members.decoded += len(piece)
            yield piece
            data = self.decompressor.unconsumed_tail or self.decompressor.unused_data

    def finish(self) -> None:
        if self.begun and not self.decompressor.eof:
            raise IncompleteBody


class BrotliDecoder:
    """Decodes br (Brotli)."""

    def __init__(self) -> None:
        self.decompressor = brotli.Decompressor()
        self.begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self.decompressor.is_finished():
            return  # padding after the end
        self.begun = self.begun or bool(data)
        try:
            piece = self.decompressor.process(data, output_buffer_limit=PIECE)
            while piece:
                yield piece
                if self.decompressor.is_finished():
                    return
                piece = self.decompressor.process(b"", output_buffer_limit=PIECE)
        except brotli.error as error:
            raise BadEncoding from error

    def finish(self) -> None:
        if self.begun and not self.decompressor.is_finished():
            raise IncompleteBody


class ZstdDecoder:
    """Decodes zstd, of one or several frames."""

    def __init__(self) -> None:
        self.decompressor = self._frame()
        self.begun = False
        self.members = _MemberCount()

    @staticmethod
    def _frame() -> ZstdDecompressor:
        return ZstdDecompressor(options={DecompressionParameter.window_log_max: ZSTD_WINDOW})

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.begun = self.begun or bool(data)
        while data or not (self.decompressor.needs_input or self.decompressor.eof):
            if self.decompressor.eof:
                self.members.begin()
                self.decompressor = self._frame()
            try:
                piece = self.decompressor.decompress(data, PIECE)
            except ZstdError as error:
                raise BadEncoding from error
            self.members.decoded += len(piece)
            yield piece
            data = self.decompressor.unused_data

    def finish(self) -> None:
        if self.begun and not self.decompressor.eof:
            raise IncompleteBody


class ChainedDecoder:
    """Decodes a body that was encoded by *inner*, and then by *outer*."""

    def __init__(self, outer: Decoder, inner: Decoder) -> None:
        self.outer, self.inner = outer, inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self.outer.feed(data):
            yield from self.inner.feed(piece)

    def finish(self) -> None:
        self.outer.finish()
        self.inner.finish()
