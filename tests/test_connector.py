"""Connections that are kept: the handler on its own, and a server that does as it is told."""

from __future__ import annotations

import asyncio
import threading

from scrapy import Request

from tests.answers import WHOLE
from tests.handling import handler
from tests.server import Server, Writer, image


def two_after(server: Server, then: bytes) -> tuple[list[bytes], list[int]]:
    """Fetch one path, let its connection say *then* and end, and fetch two more.

    Return the bodies and what the server counted of each.
    """
    received, over = threading.Event(), threading.Event()

    async def answer(writer: Writer) -> None:
        writer.write(WHOLE)
        await asyncio.to_thread(received.wait)
        writer.write(then)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        over.set()

    server.raw["/raw/a"] = answer
    paths = ["/raw/a", "/image/b", "/image/c"]

    async def run() -> list[bytes]:
        async with handler() as made:
            bodies = [(await made.download_request(Request(server.url(paths[0])))).body]
            received.set()
            await asyncio.to_thread(over.wait)
            for path in paths[1:]:
                response = await made.download_request(Request(server.url(path)))
                bodies.append(response.body)
        return bodies

    return asyncio.run(run()), [server.hits[path] for path in paths]


def test_a_connection_closed_meanwhile(server: Server) -> None:
    """One that its server closed while nobody used it is not used again."""
    bodies, counted = two_after(server, b"")
    assert bodies[1:] == [image("/image/b"), image("/image/c")]
    assert counted == [1, 1, 1]
    assert server.connections == 2


def test_bytes_that_nobody_asked_for(server: Server) -> None:
    """What comes after an answer is no answer to the next request, even where it looks like one."""
    for then in (b"and more of the same", WHOLE):
        bodies, counted = two_after(server, then)
        assert bodies[1:] == [image("/image/b"), image("/image/c")]
        assert counted == [1, 1, 1]
        server.hits.clear()
