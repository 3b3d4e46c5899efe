"""The download handler on its own, in this process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response

from imagefetch.download.handler import StreamingDownloadHandler
from tests.conftest import project


@asynccontextmanager
async def handler(**settings: Any) -> AsyncIterator[StreamingDownloadHandler]:
    """Build the handler as Scrapy does, keyword arguments being settings, and close it."""
    made = StreamingDownloadHandler.from_crawler(Crawler(Spider, project(**settings)))
    try:
        yield made
    finally:
        await made.close()


def connections(port: int | None) -> list[int]:
    """Return this process's sockets that are connected to *port*; on Linux."""
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as each:
            if each.family == socket.AF_INET and each.getpeername()[1] == port:
                found.append(number)
    return found


def fetch(request: Request, **settings: Any) -> Response:
    """Return *request*'s response, or raise what the handler does."""

    async def run() -> Response:
        async with handler(**settings) as made:
            return await made.download_request(request)

    return asyncio.run(run())
