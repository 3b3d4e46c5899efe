"""Reads an HTTP/1 response that libcurl refuses, as leniently as wget and browsers do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from imagefetch.download.curl.raw_connection import RawConnection
from imagefetch.download.curl.response_head import Head
from imagefetch.errors import BadHTTP, ConnectionReset, HeadersTooLarge, IncompleteBody

HEADERS_MAX = 2**18  # bytes
CHUNK_LINE_MAX = 4_096  # bytes of a chunk's size and extension

STATUS_LINE = re.compile(rb"HTTP/1\.[01][ \t]+[1-9][0-9][0-9](?:[ \t].*)?", re.IGNORECASE)


class LenientReader:
    """Reads one response after another, the last of which ends with the connection."""

    def __init__(self, connection: RawConnection) -> None:
        self._connection = connection
        self._buffer = b""

    async def _line(self, limit: int, too_long: type[Exception]) -> bytes:
        """Return the next line, without its end.

        :raises ConnectionReset: if the connection ends before
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit:
                raise too_long
            data = await self._connection.receive()
            if not data:
                raise ConnectionReset
            self._buffer += data
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        if len(line) > limit:
            raise too_long
        return line

    async def head_lines(self) -> list[bytes]:
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

    async def body(self, head: Head) -> AsyncIterator[bytes]:
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
                data = self._buffer or await self._connection.receive()
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
                data = self._buffer or await self._connection.receive()
                if not data:
                    raise IncompleteBody
                yield data[:left]
                self._buffer = data[left:]
                left -= len(data[:left])
            if (await self._line(1, BadHTTP)).strip():
                raise BadHTTP
