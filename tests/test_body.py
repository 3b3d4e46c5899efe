"""Reading a body within its bounds: the handler on its own, and servers that wait to be told."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from scrapy import Request, signals

from imagefetch.errors import BadHTTP, IncompleteBody, TooLarge, TooSlow
from imagefetch.meta import STREAM_TO
from tests.answers import CHUNKED, OK, PICTURE, Answer, Endless, sends, then_silent
from tests.handling import fetch, handler
from tests.server import Reader, Server, Writer

CHUNK = b"10\r\n" + PICTURE[:16] + b"\r\n"


class OnceTold:
    """An answer that sends its second half when the first was received."""

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
    """In a packet of its own too, of which aiohttp's parser tells nobody; no timeout is needed."""
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
    """Watching for bad ones costs nothing: many bodies in chunks over one connection, no noise."""
    whole = CHUNKED + b"%x\r\n" % len(PICTURE) + PICTURE + b"\r\n0\r\n\r\n"

    async def keep_answering(reader: Reader, writer: Writer) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(whole)

    server.greet = keep_answering
    noise: list[Any] = []

    async def run() -> list[bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        async with handler() as made:
            request = Request(server.url("/raw/a"))
            return [(await made.download_request(request.copy())).body for _ in range(5)]

    assert asyncio.run(run()) == [PICTURE] * 5
    assert server.connections == 1
    assert noise == []


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
    """Size and pace hold for a body in memory as for one in a file; its own meta comes first."""
    server.raw["/raw/a"] = answer
    with pytest.raises(error):
        fetch(Request(server.url("/raw/a"), meta=meta), **settings)


def test_no_bounds(server: Server) -> None:
    """0 switches size and pace off."""
    body = fetch(Request(server.url("/size/900000/a")), DOWNLOAD_MAXSIZE=0, MIN_SPEED=0).body
    assert len(body) == 900_000
