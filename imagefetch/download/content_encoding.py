"""Undoing a Content-Encoding, within bounds on memory and work.

aiohttp can do it too, yet takes a truncated gzip, br or zstd body for a whole one.

Memory: a decoder takes about as much as its window. That is 32 KiB for gzip and
deflate, at most 8 MiB for zstd (RFC 9659; more is refused) and at most 16 MiB for
br (RFC 7932; "large window" brotli is refused). `imagefetch.utils.offload.THREADS`
decoders exist at once.

Work: each call into a library takes at most `SLICE` bytes and returns about
`PIECE`; the libraries release the GIL meanwhile. A body that takes far more bytes
than it decodes to, or consists of tiny members, is refused: no encoder writes such.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import brotli

from imagefetch.errors import BadEncoding, IncompleteBody, TooLarge

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

PIECE = 2**18  # bytes; what a few bytes may grow to before the cap is looked at
SLICE = 2**16  # bytes that a decoder is given at once

# The largest window of a zstd frame, as a power of two: what RFC 9659 lets a server use
# without asking.
ZSTD_WINDOW = 23

# Members of gzip, or frames of zstd, that a body may have; and one more for each so many
# bytes that they decode to. Encoders that work in blocks make them of 64 KiB and more.
PARTS = 1_000
PART = 4_096

# Bytes that an encoded body may have beyond twice those that it decodes to: for headers, and
# for what a decoder still holds back.
SLACK = 2**18

# Seconds of CPU that decoding a body may take. 256 MiB take about one.
SECONDS = 20.0


class Decoder(Protocol):
    """Turns what came over the wire into what was meant."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield *data* decoded, at most about `PIECE` bytes at a time.

        :raises BadEncoding: if *data* is not in the encoding, or beyond a bound
        """

    def finish(self) -> None:
        """Take note of the body's end.

        :raises IncompleteBody: if the encoded data does not end here
        """


def decoder(content_encoding: str) -> Decoder | None:
    """Return the decoder for a Content-Encoding header's value.

    None where the body needs none. So too where the value is unknown: some
    servers write a charset or ``none`` there, and the bytes speak for
    themselves. A list of several encodings is unknown as well.
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


def decode(
    inflate: Decoder,
    encoded: Iterable[bytes | bytearray],
    max_size: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[bytes]:
    """Yield what *encoded* decodes to, in pieces; for threads.

    *max_size*: bytes, 0 for any; *stopped*: whether nobody waits for it any more.

    :raises BadEncoding: if it is not in the encoding, or beyond a bound on work
    :raises TooLarge: past *max_size*
    :raises IncompleteBody: if it is truncated
    """
    sent = decoded = 0
    begin = time.thread_time()
    for data in encoded:
        for at in range(0, len(data), SLICE):
            part = bytes(data[at : at + SLICE])
            sent += len(part)
            for piece in inflate.feed(part):
                decoded += len(piece)
                if max_size and decoded > max_size:
                    raise TooLarge
                if piece:
                    yield piece
                if stopped():
                    return
            if sent > 2 * decoded + SLACK or time.thread_time() - begin > SECONDS:
                raise BadEncoding
            if stopped():
                return
    inflate.finish()


def first_piece(content_encoding: str, encoded: bytes) -> bytes:
    """Return the first piece that a body beginning with *encoded* decodes to: one step.

    :raises BadEncoding: if it is not in the encoding
    """
    inflate = decoder(content_encoding)
    return b"" if inflate is None else next(inflate.feed(encoded), b"")


class _Parts:
    """Counts the members of a body.

    :raises BadEncoding: from `begin`, if there are too many for their size
    """

    def __init__(self) -> None:
        self.count = 0
        self.decoded = 0

    def begin(self) -> None:
        self.count += 1
        if self.count > PARTS + self.decoded // PART:
            raise BadEncoding


class _Zlib:
    """gzip, of one member or several, and deflate with or without its header."""

    def __init__(self, wbits: int) -> None:
        self.wbits = wbits
        self.inflate = zlib.decompressobj(wbits)
        self.begun = False
        self.parts = _Parts()

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
                self.parts.begin()
                self.inflate = zlib.decompressobj(self.wbits)
            try:
                piece = self.inflate.decompress(data, PIECE)
            except zlib.error as error:
                raise BadEncoding from error
            self.parts.decoded += len(piece)
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
        if self.inflate.is_finished():
            return  # padding behind the end
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
        self.inflate = self._frame()
        self.begun = False
        self.parts = _Parts()

    @staticmethod
    def _frame() -> ZstdDecompressor:
        return ZstdDecompressor(options={DecompressionParameter.window_log_max: ZSTD_WINDOW})

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.begun = self.begun or bool(data)
        while data or not (self.inflate.needs_input or self.inflate.eof):
            if self.inflate.eof:
                self.parts.begin()
                self.inflate = self._frame()
            try:
                piece = self.inflate.decompress(data, PIECE)
            except ZstdError as error:
                raise BadEncoding from error
            self.parts.decoded += len(piece)
            yield piece
            data = self.inflate.unused_data

    def finish(self) -> None:
        if self.begun and not self.inflate.eof:
            raise IncompleteBody
