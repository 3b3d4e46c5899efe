"""The download handler on its own, in this process."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
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
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not stat.S_ISSOCK(path.stat().st_mode):
                continue
            with socket.socket(fileno=os.dup(int(path.name))) as each:
                if each.family == socket.AF_INET and each.getpeername()[1] == port:
                    found.append(int(path.name))
    return found


def fetch(request: Request, **settings: Any) -> Response:
    """Return *request*'s response, or raise what the handler does."""

    async def run() -> Response:
        async with handler(**settings) as made:
            return await made.download_request(request)

    return asyncio.run(run())
