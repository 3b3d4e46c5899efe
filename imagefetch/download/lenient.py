"""Receives responses whose headers libcurl refuses, and wget and browsers accept.

Without TLS, the beginning of a response is looked at before libcurl reads it, and the connection is
taken from libcurl. With TLS, libcurl has decrypted the response before it is known: it is requested
once more, on a connection of libcurl's that is only connected. Either way it is parsed here, and
the connection is closed after it, so that nothing malformed can be taken for the next response.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pycurl

from imagefetch.download.curl_errors import Code, CURLcode
from imagefetch.download.deadlines import Deadline
from imagefetch.download.easy_handle import Handle
from imagefetch.download.engine import Engine
from imagefetch.download.response_head import Head
from imagefetch.download.transfer import Consumer, Enough, Transfer
from imagefetch.errors import (
    BadHTTP,
    ConnectionReset,
    DownloadTimeout,
    HeadersTooLarge,
    IncompleteBody,
    ResponseTimeout,
)

# libcurl's text for a carriage return before the line end or within a value. Its text for a length
# with a plus sign is that for any invalid length.
ACCEPTABLE = "Carriage return found in header"

HEADERS_MAX = 2**18  # bytes
READ = 2**16  # bytes at a time
CHUNK_LINE_MAX = 4_096  # bytes of a chunk's size and extension

END_OF_HEADERS = re.compile(rb"\n\r*\n")

PLUS = re.compile(rb"\ncontent-length[ \t]*:[ \t]*\+[0-9]", re.IGNORECASE)

STATUS_LINE = re.compile(rb"HTTP/1\.[01][ \t]+[1-9][0-9][0-9](?:[ \t].*)?", re.IGNORECASE)


def is_acceptable(handle: Handle, code: Code) -> bool:
    """Return whether the response that libcurl refused may be acceptable."""
    if handle.head is not None or not handle.sent:
        return False
    if code.number == CURLcode.UNSUPPORTED_PROTOCOL:
        return handle.blank_first
    return code.number == CURLcode.WEIRD_SERVER_REPLY and code.text.startswith(ACCEPTABLE)


def is_odd(data: bytes) -> bool:
    """Return whether *data*, the first bytes of a response without TLS, is one of those."""
    if data[:1] in {b"\r", b"\n"}:
        return True
    if not (end := END_OF_HEADERS.search(data)):
        return False
    head = data[: end.start() + 1]
    if head.count(b"\r") != head.count(b"\r\n"):
        return head[:7].upper() == b"HTTP/1."
    return b"+" in head and PLUS.search(head) is not None


async def take_over(number: int, transfer: Transfer, deadline: Deadline) -> Exception | None:
    """Pass the response that comes on the socket *number* to the consumer of *transfer*; return
    the error with which it ended, if any. Closes the socket."""
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=number) as connection:
        connection.setblocking(False)

        async def receive() -> bytes:
            try:
                async with asyncio.timeout(deadline.limits.response):
                    return await loop.sock_recv(connection, READ)
            except TimeoutError as error:
                raise ResponseTimeout from error
            except OSError as error:
                raise ConnectionReset from error

        return await _result(_Parser(receive).run(transfer.consumer), deadline)


async def perform(engine: Engine, transfer: Transfer, deadline: Deadline) -> Exception | None:
    """Send the request of *transfer*, a GET, and pass the response to its consumer; return the
    error with which it ended, if any. The connection is to the server, or a tunnel to it."""
    options = (*transfer.options, (pycurl.CONNECT_ONLY, 1), (pycurl.FRESH_CONNECT, 1))
    once = transfer._replace(options=options, keep=True, hold=True)
    handle, code = await engine.perform(once, deadline)
    try:
        if handle.error is not None or code.number:
            return handle.error or ConnectionReset()
        connection = _Connected(handle, deadline.limits.response)
        return await _result(connection.exchange(transfer), deadline)
    finally:
        engine.drop(handle)


async def _result(exchange: Awaitable[None], deadline: Deadline) -> Exception | None:
    """Return what *exchange* raises, if it is an error."""
    try:
        async with asyncio.timeout_at(deadline.total_by):
            await exchange
    except Enough:
        return None
    except TimeoutError:
        return DownloadTimeout()
    except Exception as error:
        return error
    return None


def request_of(transfer: Transfer) -> bytes:
    """Return the request of *transfer* as HTTP/1.1."""
    origin = urlsplit(transfer.origin)
    default = {"http": 80, "https": 443}[origin.scheme]
    host = origin.netloc.removesuffix(f":{default}")
    lines = [f"GET {transfer.target} HTTP/1.1".encode(), b"Connection: close"]
    for line in transfer.headers:
        name, colon, value = line.partition(b":")
        if not colon:
            lines.append(name.removesuffix(b";") + b":")
        elif value:
            lines.append(line)
    if not any(line.lower().startswith(b"host:") for line in lines):
        lines.insert(1, f"Host: {host}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n"


class _Connected:
    """A connection that libcurl has established."""

    def __init__(self, handle: Handle, patience: float) -> None:
        """*patience*: seconds without a byte after which it ends."""
        self._easy = handle.easy
        self._socket: int = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        self._patience = patience

    async def exchange(self, transfer: Transfer) -> None:
        """Send the request of *transfer*, and pass the response to its consumer.

        :raises Failure: if the response is not acceptable
        :raises Exception: what the consumer raises
        """
        await self._send(request_of(transfer))
        await _Parser(self._receive).run(transfer.consumer)

    async def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._easy.send(data) :]
            except BlockingIOError:
                await self._ready(write=True)
            except pycurl.error as error:
                raise ConnectionReset from error

    async def _receive(self) -> bytes:
        """Return the next bytes; none at the end of the connection.

        :raises ConnectionReset: if it is reset
        """
        while True:
            try:
                data: bytes = self._easy.recv(READ)
            except BlockingIOError:
                await self._ready(write=False)
            except pycurl.error as error:
                raise ConnectionReset from error
            else:
                return data

    async def _ready(self, *, write: bool) -> None:
        """:raises ResponseTimeout: if the connection is silent for too long"""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        add, remove = loop.add_reader, loop.remove_reader
        if write:
            add, remove = loop.add_writer, loop.remove_writer
        add(self._socket, ready.set)
        try:
            await asyncio.wait_for(ready.wait(), self._patience)
        except TimeoutError as error:
            raise ResponseTimeout from error
        finally:
            remove(self._socket)


class _Parser:
    """Parses a response."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]]) -> None:
        """*receive*: returns the next bytes, none at the end of the connection."""
        self._receive = receive
        self._buffer = b""

    async def run(self, consumer: Consumer) -> None:
        """Pass the response to *consumer*.

        :raises Failure: if the response is not acceptable
        :raises Exception: what *consumer* raises
        """
        lines = await self._headers()
        while (head := Head(lines)).status // 100 == 1 and head.status != 101:
            lines = await self._headers()
        consumer.begin(head)
        if consumer.unwanted:
            return
        async for piece in self._body(head):
            while not consumer.feed(piece):
                busy = consumer.busy
                assert busy is not None
                await asyncio.wait([busy])

    async def _line(self, limit: int, too_long: type[Exception]) -> bytes:
        """Return the next line, without its end.

        :raises ConnectionReset: if the connection ends before
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                raise too_long
            data = await self._receive()
            if not data:
                raise ConnectionReset
            self._buffer += data
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        if len(line) > limit:
            raise too_long
        return line

    async def _headers(self) -> list[bytes]:
        """Return the status line and the headers of the next response.

        :raises BadHTTP: if they are not HTTP
        :raises HeadersTooLarge: if they are too large
        """
        lines: list[bytes] = []
        left = HEADERS_MAX
        while True:
            line = await self._line(left, HeadersTooLarge)
            left -= len(line) + 1
            line = line.rstrip(b"\r").replace(b"\r", b" ")
            if not line:
                if lines:
                    return lines
                continue  # before the status line
            if b"\0" in line or (lines and b":" not in line and line[:1] not in b" \t"):
                raise BadHTTP
            if not lines and not STATUS_LINE.fullmatch(line):
                raise BadHTTP
            lines.append(line)

    async def _body(self, head: Head) -> AsyncIterator[bytes]:
        """Yield the body.

        :raises IncompleteBody: if it is truncated
        :raises BadHTTP: if a chunk is malformed
        """
        try:
            if head.chunked:
                async for piece in self._chunks():
                    yield piece
                return
            left = head.length
            while left is None or left > 0:
                data = self._buffer or await self._receive()
                self._buffer = b""
                if not data:
                    if left is None:
                        return
                    raise IncompleteBody
                data = data if left is None else data[:left]
                left = None if left is None else left - len(data)
                yield data
        except ConnectionReset as error:
            raise IncompleteBody from error

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            text = (await self._line(CHUNK_LINE_MAX, BadHTTP)).partition(b";")[0].rstrip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", text):
                raise BadHTTP
            left = int(text, 16)
            if not left:
                return  # trailers don't matter: the connection ends here
            while left:
                data = self._buffer or await self._receive()
                if not data:
                    raise IncompleteBody
                yield data[:left]
                self._buffer = data[left:]
                left -= len(data[:left])
            if (await self._line(1, BadHTTP)).strip():
                raise BadHTTP
