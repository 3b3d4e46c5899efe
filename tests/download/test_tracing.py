"""Tests of imagefetch.download.tracing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scrapy import Request

from imagefetch import signals
from imagefetch.download import handler as handler_module
from imagefetch.download.tracing import EVERY, Timing
from imagefetch.meta import STREAM_TO, TIMING
from tests.support.handling import handler
from tests.support.server import Server


def fetched(
    tmp_path: Path, urls: list[str], monkeypatch: pytest.MonkeyPatch, every: int
) -> list[Timing]:
    """Download *urls* one after the other; return the timings that were sent as signals."""
    monkeypatch.setattr(handler_module, "EVERY", every)
    told: list[Timing] = []

    def note(timing: Timing) -> None:
        told.append(timing)

    async def run() -> None:
        async with handler() as made:
            made.crawler.signals.connect(note, signal=signals.download_timed)
            for url in urls:
                request = Request(url, meta={STREAM_TO: tmp_path})
                await made.download_request(request)
                assert TIMING not in request.meta
                assert request.meta["download_latency"] > 0

    asyncio.run(run())
    return told


def test_each_phase_has_its_time(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS and connection take time once; a delay of the server counts as time to the headers; a
    large body counts as transfer and writing."""
    paths = ["/slow/200/a.jpg", "/slow/200/b.jpg", "/size/9000000/c.jpg"]
    urls = [server.url(path, "localhost") for path in paths]
    first, second, large = fetched(tmp_path, urls, monkeypatch, 1)
    assert first.dns > 0
    assert first.connect > 0
    assert (second.dns, second.connect) == (0, 0), "the connection was kept"
    for each in (first, second):
        assert each.time_to_headers > 0.1, "the server waits 0.2 seconds"
    assert large.write > first.write > 0
    assert large.transfer > 0


def test_few_are_looked_at(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One download in `EVERY` is measured; all downloads share their connections."""
    urls = [server.url(f"/image/{n}.jpg") for n in range(2 * EVERY)]
    assert len(fetched(tmp_path, urls, monkeypatch, EVERY)) == 2
    assert server.connections == 1
