"""Undoing a Content-Encoding, in pieces of bounded size.

aiohttp can do it too, yet takes a cut gzip, br or zstd body for a whole one.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

from imagefetch.errors import BadEncoding, IncompleteBody

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

PIECE = 2**18  # bytes; what a few bytes may grow to before the cap is looked at


class Decoder(Protocol):
    """Turns what came over the wire into what was meant."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield *data* decoded, at most about `PIECE` bytes at a time.

        :raises BadEncoding: if *data* is not in the encoding
        """

    def finish(self) -> None:
        """Take note of the body's end.

        :raises IncompleteBody: if the encoded data does not end here
        """


def decoder(content_encoding: str) -> Decoder | None:
    """Return the decoder for a Content-Encoding header's value.

    None where the body needs none. So too where the value is unknown: some
    servers write a charset or ``none`` there, and the bytes speak for
    themselves.
    """
    match content_encoding.strip().lower():
        case "gzip" | "x-gzip":
            return _Zlib(wbits=31)
        case "deflate":
            return _Zlib(wbits=15)
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
    return None


class _Zlib:
    """gzip, of one member or several, and deflate with or without its header."""

    def __init__(self, wbits: int) -> None:
        self.wbits = wbits
        self.inflate = zlib.decompressobj(wbits)
        self.begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self.begun and data:
            self.begun = True
            if self.wbits == 15 and data[0] & 0x0F != 8:
                self.inflate = zlib.decompressobj(-15)  # as some servers understand "deflate"
        piece = b""
        while data or len(piece) >= PIECE:  # a full piece may have left some behind
            if self.inflate.eof:
                if self.wbits != 31 or not data.startswith(b"\x1f"):
                    return  # padding behind the end
                self.inflate = zlib.decompressobj(self.wbits)
            try:
                piece = self.inflate.decompress(data, PIECE)
            except zlib.error as error:
                raise BadEncoding from error
            yield piece
            data = self.inflate.unconsumed_tail or self.inflate.unused_data

    def finish(self) -> None:
        if self.begun and not self.inflate.eof:
            raise IncompleteBody


class _Brotli:
    def __init__(self) -> None:
        self.inflate = brotli.Decompressor()
        self.begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.begun = self.begun or bool(data)
        try:
            piece = self.inflate.process(data, output_buffer_limit=PIECE)
            while piece:
                yield piece
                if self.inflate.is_finished():
                    return
                piece = self.inflate.process(b"", output_buffer_limit=PIECE)
        except brotli.error as error:
            raise BadEncoding from error

    def finish(self) -> None:
        if self.begun and not self.inflate.is_finished():
            raise IncompleteBody


class _Zstd:
    def __init__(self) -> None:
        self.inflate = ZstdDecompressor()
        self.begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.begun = self.begun or bool(data)
        while data or not (self.inflate.needs_input or self.inflate.eof):
            if self.inflate.eof:
                self.inflate = ZstdDecompressor()  # the next frame
            try:
                yield self.inflate.decompress(data, PIECE)
            except ZstdError as error:
                raise BadEncoding from error
            data = self.inflate.unused_data

    def finish(self) -> None:
        if self.begun and not self.inflate.eof:
            raise IncompleteBody
