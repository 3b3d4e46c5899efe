"""Files whose connections break: what of them is sent, and how a server answers for the rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.support.server import Reader, Server, Writer, jpeg

MIB = 2**20

TAG = 'ETag: "1"'
RANGES = "Accept-Ranges: bytes"

Reply = tuple[str, Sequence[str], bytes]
"""Status, headers, and body of an answer."""


def large(size: int, seed: int = 1) -> bytes:
    """Return a JPEG of *size* bytes, no two parts of which are alike."""
    return (jpeg(b"%d" % seed) + random.Random(seed).randbytes(size))[:size]


@dataclass
class BreakingFile:
    """A file of which each connection brings *each* bytes at most; for `Server.raw`."""

    server: Server
    path: str
    body: bytes
    each: int
    fields: Sequence[str] = (TAG, RANGES)
    """Headers of all answers."""
    rest: Callable[[BreakingFile, int], Reply | None] | None = None
    """Answers a request for the rest, given its start, unlike a well-behaved server; None: it hangs
    up without an answer."""
    breaks: int = 1_000
    """Requests that are cut; those after are not."""
    chunked: bool = False
    stalls: bool = False
    """Whether a connection that brought its bytes stays open."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Range and If-Range of each request, empty where there is none."""
    sent: int = 0
    """Bytes of bodies."""

    @property
    def url(self) -> str:
        self.server.raw[self.path] = self
        return self.server.url(self.path)

    @property
    def starts(self) -> list[int]:
        """From where each request asked for the file."""
        return [int(asked[6:-1] or 0) for asked, _ in self.asked]

    def whole(self, *fields: str) -> Reply:
        """Return an answer with the whole file."""
        return "200 OK", fields, self.body

    def part(self, start: int, content_range: str = "", *fields: str) -> Reply:
        """Return an answer with the file from *start* on."""
        size = len(self.body)
        told = content_range or f"bytes {start}-{size - 1}/{size}"
        return "206 X", [f"Content-Range: {told}", *fields], self.body[start:]

    async def __call__(self, writer: Writer) -> None:
        headers = self.server.headers[self.path]
        self.asked.append((headers.get("range", ""), headers.get("if-range", "")))
        start, reply = self.starts[-1], None
        if not start:
            reply = self.whole()
        else:
            reply = self.part(start) if self.rest is None else self.rest(self, start)
        if reply is not None:
            await self._send(writer, *reply)

    async def _send(self, writer: Writer, status: str, fields: Sequence[str], body: bytes) -> None:
        given = {each.partition(":")[0] for each in fields}
        common = [each for each in self.fields if each.partition(":")[0] not in given]
        length = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {len(body)}"
        lines = [f"HTTP/1.1 {status}", length, *common, *fields]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        is_cut = len(self.asked) <= self.breaks and len(body) > self.each
        data = body[: self.each] if is_cut else body
        self.sent += len(data)
        if self.chunked:
            end = b"" if is_cut else b"0\r\n\r\n"
            data = b"%x\r\n%b\r\n%b" % (len(data), data, end)
        writer.write(data)
        with suppress(ConnectionError):
            await writer.drain()
        if is_cut and self.stalls:
            await asyncio.Event().wait()


@dataclass
class CuttingRelay:
    """Passes connections on to *port*, and ends each after it has brought *most* bytes; for
    `Server.greet`."""

    port: int
    most: int
    brought: list[int] = field(default_factory=list)
    """Bytes of each connection."""

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        there, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
        number = len(self.brought)
        self.brought.append(0)
        asking = asyncio.ensure_future(_pass_on(reader, there_writer))
        while self.brought[number] < self.most:
            data = await there.read(min(65_536, self.most - self.brought[number]))
            if not data:
                break
            self.brought[number] += len(data)
            writer.write(data)
            await writer.drain()
        asking.cancel()
        there_writer.close()


async def _pass_on(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
