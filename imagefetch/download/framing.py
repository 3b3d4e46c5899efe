"""Bytes of a response that are no body: status lines, headers, chunk sizes and extensions.

aiohttp bounds one header and their number, and trailers; it reads any number of 1xx
responses, and chunk extensions of any length.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage, PayloadEncodingError

from imagefetch.download.error_mapping import parse_failure
from imagefetch.errors import BadHTTP, HeadersTooLarge

# Bytes that may come before a response's head is complete, 1xx responses included; and beyond
# as many as its body has, after it. curl takes 300 KiB of headers, Chrome 256.
FRAMING_MAX = 2**19

# 1xx responses before the one that counts. Each takes aiohttp some 15 µs, however short.
INTERIM_MAX = 12_000

# How responses begin that no others precede.
FINAL = tuple(b"HTTP/1.1 %d" % hundreds for hundreds in range(2, 10))

# Bytes of the body that may have come and aren't read yet: aiohttp stops reading a connection
# at twice its buffer, and looks after each call of recv(), of 256 KiB.
UNREAD = 3 * 2**18


class Meter(asyncio.Protocol):
    """Stands between a connection and aiohttp, and counts what comes."""

    def __init__(self, protocol: ResponseHandler, transport: asyncio.Transport) -> None:
        self._protocol = protocol
        self._transport = transport
        self.begin()

    def begin(self) -> None:
        """Begin to count: a request will be sent."""
        self._left = FRAMING_MAX + UNREAD
        self._heads: int | None = 0
        """Status lines that came; None once the response's head is there."""
        self.exceeded = False
        self._tell: Callable[[], None] | None = None

    def rest(self) -> None:
        """Count no more: the rest is body, which has bounds of its own."""
        self._left = sys.maxsize
        self._heads = None

    def expect_chunks(self, tell: Callable[[], None]) -> None:
        """Count framing against the body; *tell* whoever reads it when there is too much."""
        self._heads = None
        self._tell = tell

    def count_body(self, size: int) -> None:
        """Note that *size* bytes of the body were read, decoded from their chunks."""
        self._left += 2 * size

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._heads == 0 and data.startswith(FINAL):
            self._heads = None
        elif self._heads is not None:
            # One in the body's first bytes is counted too, and does no harm.
            self._heads += data.count(b"HTTP/")
            if self._heads > INTERIM_MAX + 1:
                self._left = -1
        if self._left >= 0:
            self._protocol.data_received(data)
        elif not self.exceeded:
            self.exceeded = True
            self._protocol.set_exception(HeadersTooLarge())
            if self._tell is not None:
                self._tell()
            self._transport.abort()

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def meter_of(connection: aiohttp.connector.Connection) -> Meter | None:
    """Return what counts the bytes of *connection*; None if it is closed, or handed back."""
    transport = connection.transport
    if not isinstance(transport, asyncio.Transport):
        return None
    meter = transport.get_protocol()
    if not isinstance(meter, Meter):
        if connection.protocol is None:
            return None
        meter = Meter(connection.protocol, transport)
        transport.set_protocol(meter)
    return meter


@contextmanager
def told_of_bad_chunks(answer: aiohttp.ClientResponse) -> Iterator[Callable[[int], None]]:
    """Let whoever reads *answer*'s body within know when a chunk is malformed, or when there
    is too much beside the body; what is yielded is told how many bytes were read.

    aiohttp's parser closes the connection then, and leaves the reader waiting
    until a timeout (its pure Python twin does tell).

    :raises BadHTTP: at once
    """
    connection = answer.connection
    meter = None if connection is None else meter_of(connection)
    chunked = "Transfer-Encoding" in answer.headers
    if meter is not None and not chunked:
        meter.rest()
    protocol = None if connection is None or not chunked else connection.protocol
    closed = None if protocol is None else protocol.closed
    if closed is None:
        yield _count_nothing
        return

    def end(closed: asyncio.Future[None] | None = None) -> None:
        if closed is not None:
            _retrieve(closed)
        if not answer.content.is_eof() and answer.content.exception() is None:
            answer.content.set_exception(BadHTTP())

    closed.remove_done_callback(_retrieve)
    closed.add_done_callback(end)
    try:
        if meter is not None:
            meter.expect_chunks(end)
        yield _count_nothing if meter is None else meter.count_body
    except RuntimeError as error:  # closed already when more was asked for
        raise BadHTTP from error
    except aiohttp.ClientPayloadError as error:
        if meter is not None and meter.exceeded:
            raise BadHTTP from error
        cause = error.__cause__
        if isinstance(cause, BadHttpMessage) and not isinstance(cause, PayloadEncodingError):
            raise parse_failure(cause) from error  # trailers: the body came, it isn't incomplete
        raise
    finally:
        closed.remove_done_callback(end)
        closed.add_done_callback(_retrieve)


def _count_nothing(_: int) -> None:
    """Of a body without chunks nothing is counted: all that comes is body."""


def _retrieve(closed: asyncio.Future[None]) -> None:
    """Look at the error that *closed* ended with; asyncio logs those that nobody looks at."""
    if not closed.cancelled():
        closed.exception()
