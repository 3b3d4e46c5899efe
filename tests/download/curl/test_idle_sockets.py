"""Tests of imagefetch.download.curl.idle_sockets: what a kept connection brings unasked."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading

import pytest
from scrapy import Request

from imagefetch.download.curl.idle_sockets import IdleSockets
from tests.support.answers import CHUNKED, OK
from tests.support.faults import chunk
from tests.support.handling import handler
from tests.support.server import Reader, Server, Writer

ALIEN = OK + b"Content-Length: 5\r\n\r\nalien"
REAL = OK + b"Content-Length: 4\r\n\r\nreal"

FIRST = {
    "length": OK + b"Content-Length: 5\r\n\r\nfirst",
    "buffer": OK + b"Content-Length: 16384\r\n\r\n" + bytes(16_384),
    "large": OK + b"Content-Length: 200000\r\n\r\n" + bytes(200_000),
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "chunked": CHUNKED + chunk(b"first") + b"0\r\n\r\n",
    "chunked, large": CHUNKED + chunk(bytes(100_000)) + b"0\r\n\r\n",
    "trailer": CHUNKED + chunk(b"first") + b"0\r\nX: y\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "gone": b"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone",
    "both": OK + b"Content-Length: 5\r\n" + CHUNKED[len(OK) :] + chunk(b"first") + b"0\r\n\r\n",
    "hint": b"HTTP/1.1 103 X\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nfirst",
}


def test_a_socket_that_is_closed_by_now() -> None:
    """Its number may be that of no file, or of another: the connection is not used again."""
    endpoints = ("127.0.0.1", "127.0.0.1", 80, 50_000)
    idle = IdleSockets(10)
    with socket.socket() as closed, tempfile.TemporaryFile() as other:
        numbers = closed.fileno(), other.fileno()
    with tempfile.TemporaryFile() as file:
        for number in (*numbers, file.fileno()):
            idle.add(endpoints, number)
            assert idle.is_stale(endpoints, "http://a.example:80/")
            assert idle.trusts("http://a.example:80/")


@pytest.mark.parametrize("apart", [False, True], ids=["same packet", "later"])
@pytest.mark.parametrize("first", FIRST)
def test_a_second_answer_is_never_used(server: Server, first: str, apart: bool) -> None:
    """A response that nobody asked for is not that of the next request, whether it comes in the
    same packet as the first, or before the connection is used again."""
    received, sent = threading.Event(), threading.Event()

    async def answer(reader: Reader, writer: Writer) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/real" not in asked:
            writer.write(FIRST[first] if apart else FIRST[first] + ALIEN)
            await writer.drain()
            if apart:
                await asyncio.to_thread(received.wait)
                writer.write(ALIEN)
                await writer.drain()
            sent.set()
            asked = await reader.readuntil(b"\r\n\r\n")
        while asked:
            writer.write(REAL)
            asked = await reader.readuntil(b"\r\n\r\n")

    server.greet = answer

    async def run() -> list[bytes]:
        async with handler() as made:
            await made.download_request(Request(server.url("/first")))
            received.set()
            await asyncio.to_thread(sent.wait)
            request = Request(server.url("/real"))
            return [(await made.download_request(request.copy())).body for _ in range(3)]

    assert asyncio.run(run()) == [b"real"] * 3
    if apart or b"chunked" not in FIRST[first]:  # else libcurl drops the second by itself
        assert server.connections >= 2


@pytest.mark.parametrize("apart", [False, True], ids=["same packet", "later"])
def test_a_server_that_sends_what_nobody_asked_for_is_not_trusted(
    server: Server, apart: bool
) -> None:
    """What comes just when a request is sent can't be told from its response. The response itself,
    unasked then, tells that this server's connections must not be used again."""

    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REAL)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ALIEN if apart else ALIEN + REAL)
            await writer.drain()
            if apart:
                await asyncio.sleep(0.02)
                writer.write(REAL)

    server.greet = answer

    async def run() -> list[bytes]:
        async with handler() as made:
            request = Request(server.url("/a"))
            bodies = []
            for _ in range(6):
                bodies.append((await made.download_request(request.copy())).body)
                await asyncio.sleep(0.2)  # for what is unasked to arrive
        return bodies

    assert asyncio.run(run()) == [b"real", b"alien", *[b"real"] * 4]
    assert server.connections == 5
