"""Tests of imagefetch.download.curl.easy_handle: which connections are reused, and for what."""

from __future__ import annotations

import asyncio
import resource
import threading

import pytest
from scrapy import Request

from imagefetch.errors import ConnectionReset, SystemLimit
from tests.support.handling import handler
from tests.support.raw_responses import WHOLE
from tests.support.server import Server, Writer, image


def two_after(server: Server, then: bytes) -> tuple[list[bytes], list[int]]:
    """Fetch one path, let its connection send *then* and close, and fetch two more.

    Return the bodies and the number of requests for each path.
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
    """A connection that its server closed while it was idle is not reused."""
    bodies, counted = two_after(server, b"")
    assert bodies[1:] == [image("/image/b"), image("/image/c")]
    assert counted == [1, 1, 1]
    assert server.connections == 2


def test_bytes_that_nobody_asked_for(server: Server) -> None:
    """Bytes after a response are not taken as the next response, even if they look like one."""
    for then in (b"and more of the same", WHOLE):
        bodies, counted = two_after(server, then)
        assert bodies[1:] == [image("/image/b"), image("/image/c")]
        assert counted == [1, 1, 1]
        server.hits.clear()


@pytest.mark.parametrize(
    ("method", "retries", "sent"), [("GET", 0, 2), ("POST", 0, 1), ("GET", 1, 1)]
)
def test_what_is_sent_again(server: Server, method: str, retries: int, sent: int) -> None:
    """On a reused connection that hangs up, only safe methods are sent again; a retry always
    uses a new connection."""

    async def hang_up(writer: Writer) -> None:
        pass

    server.raw["/raw/b"] = hang_up
    meta = {"retry_times": retries}
    request = Request(server.url("/raw/b"), method=method, meta=meta)

    async def run() -> None:
        async with handler() as made:
            await made.download_request(Request(server.url("/image/a")))
            with pytest.raises(ConnectionReset):
                await made.download_request(request)

    asyncio.run(run())
    assert server.hits["/raw/b"] == sent
    assert request.meta["retry_times"] == retries + sent - 1
    assert server.connections == (1 if method == "POST" else 2)


@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:9"])
def test_no_more_sockets(server: Server, proxy: str | None) -> None:
    """A lack of sockets is a local error, not a failure of the server or the proxy."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run() -> None:
        async with handler() as made:
            await made.download_request(Request(server.url("/image/a")))
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                await made.download_request(
                    Request(server.url("/image/b", "127.0.0.2"), meta={"proxy": proxy})
                )
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with pytest.raises(SystemLimit, match="CONCURRENT_REQUESTS"):
        asyncio.run(run())
