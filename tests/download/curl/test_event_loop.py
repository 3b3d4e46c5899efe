"""Tests of imagefetch.download.curl.event_loop: without epoll, as on macOS."""

from __future__ import annotations

import asyncio

import pytest
from scrapy import Request

from imagefetch.download.curl import event_loop
from tests.support.handling import handler
from tests.support.raw_responses import OK, PICTURE, sends
from tests.support.server import Server, image


def test_without_epoll(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop watches each socket itself; no reader or writer is left behind."""
    monkeypatch.setattr(event_loop, "_EpollWatch", event_loop._LoopWatch)
    server.raw["/raw/a"] = sends(OK + b"\r\n" + PICTURE[:9], PICTURE[9:])
    paths = [*(f"/image/{n}" for n in range(40)), "/size/900000/a", "/raw/a"]

    async def run() -> list[bytes]:
        async with handler() as made:
            requests = [Request(server.url(path)) for path in paths]
            found = await asyncio.gather(*map(made.download_request, requests))
        loop = asyncio.get_running_loop()
        watched = loop._selector.get_map()  # type: ignore[attr-defined]
        assert len(watched) == 1, "the event loop's own"
        return [response.body for response in found]

    bodies = asyncio.run(run())
    assert bodies[:40] == [image(path) for path in paths[:40]]
    assert len(bodies[40]) == 900_000
    assert bodies[41] == PICTURE
