"""Answers written byte by byte, as broken and hostile servers write them; for `Server.raw`.

And what comes of them.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable

from tests.conftest import Crawl
from tests.support.server import Reader, Writer, image, while_there

Answer = Callable[[Writer], Awaitable[None]]
Greeting = Callable[[Reader, Writer], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PICTURE = image("/")
LENGTH = b"Content-Length: %d\r\n" % len(PICTURE)
WHOLE = OK + LENGTH + b"\r\n" + PICTURE
LAST = OK + LENGTH + b"Connection: close\r\n\r\n" + PICTURE
"""A whole answer that says that its connection ends with it."""


def unasked(answer: Answer) -> Greeting:
    """Return what gives *answer* to each connection, whatever is asked; for `Server.greet`."""
    return lambda reader, writer: while_there(reader, answer(writer))


def asked_for(answer: Answer) -> Greeting:
    """As `unasked`, once something was asked: a connection that is closed with bytes unread ends
    with a RST."""

    async def greet(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        await while_there(reader, answer(writer))

    return greet


async def reset(writer: Writer) -> None:
    """Break the connection with a RST instead of a FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def sends(*parts: bytes, apart: float = 0.1) -> Answer:
    """Return an answer that is these bytes, so many seconds apart, then the connection's end."""

    async def answer(writer: Writer) -> None:
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(apart)
            writer.write(part)
            await writer.drain()

    return answer


def then_silent(data: bytes = b"") -> Answer:
    """Return an answer that is *data*, and never ends."""

    async def answer(writer: Writer) -> None:
        writer.write(data)
        await asyncio.Event().wait()

    return answer


def then_reset(data: bytes = b"") -> Answer:
    """Return an answer that is *data*, then a RST."""

    async def answer(writer: Writer) -> None:
        writer.write(data)
        await writer.drain()
        if data:
            await asyncio.sleep(0.1)  # else the reset overtakes what was written
        await reset(writer)

    return answer


class Endless:
    """An answer that goes on until nobody takes it any more."""

    def __init__(self, begin: bytes, pieces: Iterable[bytes], pause: float = 0) -> None:
        self.begin, self.pieces, self.pause = begin, pieces, pause
        self.sent = 0
        """Bytes that the operating system took."""

    async def __call__(self, writer: Writer) -> None:
        for piece in itertools.chain([self.begin], itertools.cycle(self.pieces)):
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)
            await asyncio.sleep(self.pause)


def outcomes(done: Crawl) -> list[tuple[str, str, int]]:
    """Return code, reason and attempts of each line, in the list's order."""
    assert done.status == 0, done.log
    assert "Traceback" not in done.log, done.log
    rows = [row for _, row in sorted(done.by_line.items())]
    done.check(len(rows))
    return [(row["Response code"], row["Reason"], int(row["Attempts"])) for row in rows]
