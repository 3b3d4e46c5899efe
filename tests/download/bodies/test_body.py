"""Tests of imagefetch.download.bodies.body: the handler, with servers that the tests control."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request, signals

from imagefetch.errors import BadHTTP, IncompleteBody, TooLarge, TooSlow
from imagefetch.meta import STREAM_TO
from tests.support.handling import fetch, handler
from tests.support.raw_responses import (
    CHUNKED,
    OK,
    PICTURE,
    Answer,
    Endless,
    reset,
    sends,
    then_silent,
)
from tests.support.server import Reader, Server, Writer

CHUNK = b"10\r\n" + PICTURE[:16] + b"\r\n"


class OnceTold:
    """A response that sends its second half after the first was received."""

    def __init__(self, first: bytes, second: bytes) -> None:
        self.first, self.second = first, second
        self.received = threading.Event()

    async def __call__(self, writer: Writer) -> None:
        writer.write(self.first)
        await asyncio.to_thread(self.received.wait)
        writer.write(self.second)
        await asyncio.Event().wait()

    def tell(self, data: bytes) -> None:
        self.received.set()


@pytest.mark.parametrize("bad", [b"zz\r\n", b"-5\r\n", b"5\r\nhello, too long\r\n"])
@pytest.mark.parametrize("streamed", [False, True])
def test_bad_chunk_is_noticed_when_it_comes(
    server: Server, tmp_path: Path, streamed: bool, bad: bytes
) -> None:
    """Without a timeout, even in a packet of its own."""
    answer = OnceTold(CHUNKED + CHUNK, bad)
    server.raw["/raw/a"] = answer
    meta = {STREAM_TO: tmp_path} if streamed else {}

    async def run() -> None:
        async with handler() as made:
            made.crawler.signals.connect(answer.tell, signals.bytes_received)
            await made.download_request(Request(server.url("/raw/a"), meta=meta))

    with pytest.raises(BadHTTP):
        asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_good_chunks_keep_their_connection(server: Server) -> None:
    """The check for bad chunks keeps connections reusable, and logs nothing if one is reset."""
    received, over = threading.Event(), threading.Event()
    noise: list[Any] = []

    async def keep_answering(reader: Reader, writer: Writer) -> None:
        for _ in range(5):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(CHUNKED)
            await asyncio.sleep(0.02)  # a single packet would not be checked
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(PICTURE), PICTURE))
        await asyncio.to_thread(received.wait)
        await reset(writer)
        over.set()

    async def run() -> list[bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        async with handler() as made:
            request = Request(server.url("/"))
            bodies = [(await made.download_request(request.copy())).body for _ in range(5)]
            received.set()
            await asyncio.to_thread(over.wait)
            await asyncio.sleep(0.05)  # for the reset to arrive; too short a time only hides errors
            bodies.append((await made.download_request(request.copy())).body)
            gc.collect()
        return bodies

    server.greet = keep_answering
    assert asyncio.run(run()) == [PICTURE] * 6
    assert server.connections == 2
    assert noise == []


def test_what_nobody_wants_is_not_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow error page is read only briefly, with any settings: the status is known."""
    monkeypatch.setattr("imagefetch.download.bodies.body.UNWANTED_SECONDS", 0.3)
    drops = Endless(b"HTTP/1.1 404 Gone\r\n\r\n", [b"a"], pause=0.05)
    server.raw["/raw/a"] = drops
    request = Request(server.url("/raw/a"), meta={STREAM_TO: tmp_path})
    assert fetch(request, DOWNLOAD_TIMEOUT=600, MIN_SPEED=0).status == 404
    assert drops.sent - len(drops.begin) <= 0.3 / drops.pause + 2


@pytest.mark.parametrize(
    ("answer", "meta", "settings", "error"),
    [
        (then_silent(OK + b"Content-Length: 900\r\n\r\n"), {"download_maxsize": 899}, {}, TooLarge),
        (Endless(OK + b"\r\n", [PICTURE]), {"download_maxsize": 9_000}, {}, TooLarge),
        (Endless(OK + b"\r\n", [PICTURE]), {}, {"DOWNLOAD_MAXSIZE": 9_000}, TooLarge),
        (
            Endless(OK + b"\r\n", [b"a"], pause=0.01),
            {},
            {"MIN_SPEED": 10_000, "MIN_SPEED_WINDOW": 0.2},
            TooSlow,
        ),
        (sends(OK + b"Content-Length: 900\r\n\r\n" + PICTURE[:99]), {}, {}, IncompleteBody),
    ],
    ids=["declared", "counted", "counted by the setting", "drops", "cut"],
)
def test_bounds(
    server: Server,
    answer: Answer,
    meta: dict[str, Any],
    settings: dict[str, Any],
    error: type[Exception],
) -> None:
    """The limits on size and speed apply to bodies in memory, too; meta overrides settings."""
    server.raw["/raw/a"] = answer
    with pytest.raises(error):
        fetch(Request(server.url("/raw/a"), meta=meta), **settings)


def test_no_bounds(server: Server) -> None:
    """0 disables the limits on size and speed."""
    body = fetch(Request(server.url("/size/900000/a")), DOWNLOAD_MAXSIZE=0, MIN_SPEED=0).body
    assert len(body) == 900_000
