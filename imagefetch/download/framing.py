"""Limits the bytes of a response outside of its body: status lines, headers, chunk extensions.

aiohttp limits the size and number of headers and trailers. It accepts any number of 1xx
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

# Maximum bytes before the headers of a response are complete, 1xx responses included; after
# them, maximum bytes of framing beyond the size of the body. curl accepts 300 KiB of headers,
# Chrome 256 KiB.
FRAMING_MAX = 2**19

# Maximum 1xx responses before the final one. Each costs aiohttp some 15 µs, however short.
INTERIM_MAX = 12_000

# First bytes of a final response, as opposed to a 1xx response.
FINAL = tuple(b"HTTP/1.1 %d" % hundreds for hundreds in range(2, 10))

# Maximum bytes of the body that were received but not read: aiohttp pauses a connection at
# twice its buffer size, which it checks after each recv() of up to 256 KiB.
UNREAD = 3 * 2**18


class Meter(asyncio.Protocol):
    """A protocol between a connection and aiohttp that counts received bytes."""

    def __init__(self, protocol: ResponseHandler, transport: asyncio.Transport) -> None:
        self._protocol = protocol
        self._transport = transport
        self.begin()

    def begin(self) -> None:
        """Start counting for the next request."""
        self._left = FRAMING_MAX + UNREAD
        self._status_lines: int | None = 0
        """Status lines received; None once the final response has begun."""
        self.exceeded = False
        self._on_exceeded: Callable[[], None] | None = None

    def rest(self) -> None:
        """Stop counting: the rest is body, which has its own limits."""
        self._left = sys.maxsize
        self._status_lines = None

    def expect_chunks(self, on_exceeded: Callable[[], None]) -> None:
        """Count framing relative to the body; call *on_exceeded* if there is too much."""
        self._status_lines = None
        self._on_exceeded = on_exceeded

    def count_body(self, size: int) -> None:
        """Count *size* bytes of the body that were read, without chunk framing."""
        self._left += 2 * size

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._status_lines == 0 and data.startswith(FINAL):
            self._status_lines = None
        elif self._status_lines is not None:
            # Also counts matches in the first bytes of the body, which does no harm.
            self._status_lines += data.count(b"HTTP/")
            if self._status_lines > INTERIM_MAX + 1:
                self._left = -1
        if self._left >= 0:
            self._protocol.data_received(data)
        elif not self.exceeded:
            self.exceeded = True
            self._protocol.set_exception(HeadersTooLarge())
            if self._on_exceeded is not None:
                self._on_exceeded()
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
    """Return the `Meter` of *connection*; None if it is closed or was released."""
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
def fail_on_bad_chunks(response: aiohttp.ClientResponse) -> Iterator[Callable[[int], None]]:
    """Make reads of *response*'s body fail at once if a chunk is malformed or framing is too large.

    Yields a function that must be called with the number of bytes of each read. Without this,
    aiohttp's C parser closes the connection and leaves the reader waiting until a timeout (its
    Python parser notifies the reader).

    :raises BadHTTP: if so
    """
    connection = response.connection
    meter = None if connection is None else meter_of(connection)
    chunked = "Transfer-Encoding" in response.headers
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
        if not response.content.is_eof() and response.content.exception() is None:
            response.content.set_exception(BadHTTP())

    closed.remove_done_callback(_retrieve)
    closed.add_done_callback(end)
    try:
        if meter is not None:
            meter.expect_chunks(end)
        yield _count_nothing if meter is None else meter.count_body
    except RuntimeError as error:  # already closed at the next read
        raise BadHTTP from error
    except aiohttp.ClientPayloadError as error:
        if meter is not None and meter.exceeded:
            raise BadHTTP from error
        cause = error.__cause__
        if isinstance(cause, BadHttpMessage) and not isinstance(cause, PayloadEncodingError):
            raise parse_failure(cause) from error  # bad trailers: the body itself is complete
        raise
    finally:
        closed.remove_done_callback(end)
        closed.add_done_callback(_retrieve)


def _count_nothing(_: int) -> None:
    """Do nothing: a body without chunks has no framing."""


def _retrieve(closed: asyncio.Future[None]) -> None:
    """Retrieve the exception of *closed*, so that asyncio doesn't log it."""
    if not closed.cancelled():
        closed.exception()
