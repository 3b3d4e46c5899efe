"""Requests a response once more whose headers libcurl refuses, and wget and browsers accept.

libcurl connects, TLS included; the response is parsed here. The connection is closed after it, so
that nothing malformed can be taken for the next response.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pycurl

from imagefetch.download.curl.deadlines import Deadline
from imagefetch.download.curl.easy_handle import Handle
from imagefetch.download.curl.engine import Engine
from imagefetch.download.curl.error_mapping import Code, CURLcode
from imagefetch.download.curl.response_head import Head
from imagefetch.download.curl.transfer import Enough, Transfer
from imagefetch.errors import (
    BadHTTP,
    ConnectionReset,
    DownloadTimeout,
    HeadersTooLarge,
    IncompleteBody,
    ResponseTimeout,
)

# libcurl's texts for a carriage return before the line end or within a value, and for a length
# that it does not read, such as one with a plus sign. Either may be acceptable.
ACCEPTABLE = ("Carriage return found in header", "Invalid Content-Length: value")

HEADERS_MAX = 2**18  # bytes
READ = 2**16  # bytes at a time
CHUNK_LINE_MAX = 4_096  # bytes of a chunk's size and extension

STATUS_LINE = re.compile(rb"HTTP/1\.[01][ \t]+[1-9][0-9][0-9](?:[ \t].*)?", re.IGNORECASE)


def is_acceptable(handle: Handle, code: Code) -> bool:
    """Return whether the response that libcurl refused may be acceptable."""
    if handle.head is not None or not handle.connection.sent:
        return False
    if code.number == CURLcode.UNSUPPORTED_PROTOCOL:
        return handle.blank_first
    return code.number == CURLcode.WEIRD_SERVER_REPLY and code.text.startswith(ACCEPTABLE)


async def perform(engine: Engine, transfer: Transfer, deadline: Deadline) -> Exception | None:
    """Send the request of *transfer*, a GET, and pass the response to its consumer; return the
    error with which it ended, if any. The connection is to the server, or a tunnel to it."""
    options = (*transfer.options, (pycurl.CONNECT_ONLY, 1), (pycurl.FRESH_CONNECT, 1))
    once = transfer._replace(options=options, keep=True, hold=True)
    handle, code = await engine.perform(once, deadline)
    try:
        if handle.error is not None or code.number:
            return handle.error or ConnectionReset()
        async with asyncio.timeout_at(deadline.total_by):
            await _Exchange(handle, deadline.limits.response).run(transfer)
    except Enough:
        return None
    except TimeoutError:
        return DownloadTimeout()
    except Exception as error:
        return error
    finally:
        engine.drop(handle)
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


class _Exchange:
    """A request and its response, on the connection of *handle*."""

    def __init__(self, handle: Handle, patience: float) -> None:
        """*patience*: seconds without a byte after which it ends."""
        self._easy = handle.easy
        self._socket: int = handle.easy.getinfo(pycurl.ACTIVESOCKET)
        self._patience = patience
        self._buffer = b""

    async def run(self, transfer: Transfer) -> None:
        """
        :raises Failure: if the response is not acceptable
        :raises Exception: what the consumer raises
        """
        await self._send(request_of(transfer))
        lines = await self._headers()
        while (head := Head(lines)).status // 100 == 1 and head.status != 101:
            lines = await self._headers()
        transfer.consumer.begin(head)
        async for piece in self._body(head):
            while not transfer.consumer.feed(piece):
                busy = transfer.consumer.busy
                assert busy is not None
                await asyncio.wait([busy])

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
