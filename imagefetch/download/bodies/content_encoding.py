"""Decodes a Content-Encoding, within limits on memory and work.

libcurl's own decoders accept some truncated bodies as complete, and know no zstd.

Memory: a decoder takes about as much as its window. That is 32 KiB for gzip and
deflate, at most 8 MiB for zstd (RFC 9659; more is rejected) and at most 16 MiB for
br (RFC 7932; "large window" brotli is rejected). `imagefetch.utils.processes.offload.THREADS`
decoders exist at once.

Work: each call into a library takes at most `SLICE` bytes and returns about `PIECE`;
the libraries release the GIL. A body that is much larger than its decoded data, or
consists of tiny members, is rejected: no encoder produces such a body.
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

PIECE = 2**18  # decoded bytes at a time; the size limit is checked after each piece
SLICE = 2**16  # encoded bytes that a decoder is given at a time

# The largest window of a zstd frame, as a power of two: the limit of RFC 9659 for HTTP.
ZSTD_WINDOW = 23

# Maximum gzip members or zstd frames of a body, plus one per `PART` decoded bytes. Encoders
# that write blocks use 64 KiB and more.
PARTS = 1_000
PART = 4_096

# Maximum bytes of an encoded body beyond twice its decoded size: for headers, and for data
# that a decoder has buffered.
SLACK = 2**18

# Maximum CPU seconds for decoding a body. 256 MiB take about one.
SECONDS = 20.0


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


MOST_CODINGS = 3
"""Encodings of a body, one in the other; more are rejected."""


def known_codings(values: Iterable[str]) -> list[str]:
    """Return the encodings in the *values* of Content-Encoding, in the order of their application.

    Unknown ones are left out: some servers send a charset or ``none``, so the format is detected
    from the bytes.
    """
    words = [word.strip().lower() for value in values for word in value.split(",")]
    return [word for word in words if word in _DECODERS]


def decoder(codings: str | list[str]) -> Decoder | None:
    """Return the decoder for *codings*, or for the value of a Content-Encoding header; None if the
    body needs none.

    :raises BadEncoding: if there are more than `MOST_CODINGS`
    """
    if isinstance(codings, str):
        codings = known_codings([codings])
    if len(codings) > MOST_CODINGS:
        raise BadEncoding
    made: Decoder | None = None
    for coding in codings:  # the last that was applied is decoded first
        made = _DECODERS[coding]() if made is None else _Chain(_DECODERS[coding](), made)
    return made


def decode(
    decompressor: Decoder,
    encoded: Iterable[bytes | bytearray],
    max_size: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[bytes]:
    """Decode *encoded* and yield the result in pieces; runs in a thread.

    *max_size*: maximum decoded bytes, 0 for unlimited; *stopped*: returns whether to stop early.

    :raises BadEncoding: if it is not in the encoding, or exceeds a limit on work
    :raises TooLarge: if the result exceeds *max_size*
    :raises IncompleteBody: if it is truncated
    """
    sent = decoded = 0
    begin = time.thread_time()
    for data in encoded:
        for at in range(0, len(data), SLICE):
            part = bytes(data[at : at + SLICE])
            sent += len(part)
            for piece in decompressor.feed(part):
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
    decompressor.finish()


def first_piece(codings: list[str], encoded: bytes) -> bytes:
    """Return the first decoded piece of a body that begins with *encoded*, in one step.

    :raises BadEncoding: if it is not in the encoding
    """
    decompressor = decoder(codings)
    return b"" if decompressor is None else next(decompressor.feed(encoded), b"")


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


class _Zlib:
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


class _Brotli:
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


class _Zstd:
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


class _Chain:
    """Decodes a body that was encoded by *inner*, and then by *outer*."""

    def __init__(self, outer: Decoder, inner: Decoder) -> None:
        self.outer, self.inner = outer, inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self.outer.feed(data):
            yield from self.inner.feed(piece)

    def finish(self) -> None:
        self.outer.finish()
        self.inner.finish()


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib(wbits=31),
    "x-gzip": lambda: _Zlib(wbits=31),
    "deflate": lambda: _Zlib(wbits=15),
    "br": _Brotli,
    "zstd": _Zstd,
}
