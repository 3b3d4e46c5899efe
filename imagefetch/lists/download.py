"""Downloads a list from an http(s) address, with the image download handler.

Lists have their own limits of size and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import BinaryIO

import aiohttp
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.http import Headers, Response
from scrapy.settings import BaseSettings, Settings

from imagefetch.addons import user_agent
from imagefetch.download.body import Bounds, MinimumSpeed, content_coding, read_pieces, skip
from imagefetch.download.content_encoding import Decoder, decoder
from imagefetch.download.handler import StreamingDownloadHandler
from imagefetch.download.receiver import Receiver
from imagefetch.errors import BadInput, LocalError, Problem, TooLarge, rejection_of, store_error
from imagefetch.lists.kept_copy import write_copy
from imagefetch.middlewares.redirect import NamedRedirectMiddleware
from imagefetch.middlewares.retry import backoff
from imagefetch.urls import shown

# Total timeout of a list in seconds, far longer than that of an image: ten million
# lines are a gigabyte. MIN_SPEED and RESPONSE_TIMEOUT apply as well.
LIST_TIMEOUT = 3600

GZIP = b"\x1f\x8b"


def fetch_list(address: str, file: BinaryIO, settings: BaseSettings) -> None:
    """Write the list at *address* into *file* with `write_copy`; a gzipped list is decompressed.

    Settings: those of `StreamingDownloadHandler`, of retries and of redirects,
    INPUT_URLS_MAXSIZE, USER_AGENT, CONTACT, HTTPPROXY_ENABLED.

    :raises BadInput: with one line: which list can't be fetched, and why
    """

    def fetch() -> None:
        asyncio.run(_fetch(address, file, settings))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        fetch()
        return
    with ThreadPoolExecutor(1) as thread:  # a script runs the crawl in its own event loop
        thread.submit(fetch).result()


async def _fetch(address: str, file: BinaryIO, settings: BaseSettings) -> None:
    crawler = Crawler(Spider, Settings(settings))
    try:
        handler = StreamingDownloadHandler(crawler)
    except ValueError as error:
        raise BadInput(str(error)) from error
    handler.receiver = _ListReceiver(crawler, file)
    delay, max_delay = settings.getfloat("RETRY_DELAY"), settings.getfloat("RETRY_MAX_DELAY")
    try:
        for retry in range(1, settings.getint("RETRY_TIMES") + 2):
            try:
                return await _follow(address, handler)
            except Problem as problem:
                if not problem.transient or retry > settings.getint("RETRY_TIMES"):
                    raise
            await asyncio.sleep(backoff(retry, delay, max_delay))
    except Problem as problem:
        message = f"the list can't be fetched: {problem.reason}"
        raise BadInput(f"{shown(address)}: {message}") from problem
    except LocalError as error:
        raise BadInput(f"{shown(address)}: the list can't be fetched: {error}") from error
    finally:
        await handler.close()


async def _follow(address: str, handler: StreamingDownloadHandler) -> None:
    """Fetch *address*, following redirects.

    :raises Problem: if no list is received
    """
    settings = handler.crawler.settings
    redirects = NamedRedirectMiddleware.from_crawler(handler.crawler)
    step: Request | Response = Request(
        address,
        headers={"User-Agent": user_agent(settings), "Accept": "text/plain,*/*;q=0.8"},
        meta={
            "download_timeout": LIST_TIMEOUT,
            "download_maxsize": settings.getint("INPUT_URLS_MAXSIZE"),
        },
    )
    while isinstance(step, Request):
        with suppress(NotConfigured):
            HttpProxyMiddleware.from_crawler(handler.crawler).process_request(step)
        step = redirects.process_response(step, await handler.download_request(step))
    if (problem := rejection_of(step.status)) is not None:
        raise problem


class _ListReceiver(Receiver):
    """Writes a response's body into a file."""

    def __init__(self, crawler: Crawler, file: BinaryIO) -> None:
        super().__init__(crawler)
        self.file = file

    async def receive(self, request: Request, response: aiohttp.ClientResponse) -> Response:
        """Receive the body.

        :raises Failure: if the response is incomplete
        :raises StoreError: if the file system refuses
        """
        received = Response(request.url, response.status, Headers(response.raw_headers))
        if rejection_of(response.status) is not None:
            await skip(response)
            return received
        async with MinimumSpeed(self.min_speed, self.window) as speed:
            await self._write(response, self._bounds(request, speed))
        return received

    async def _write(self, response: aiohttp.ClientResponse, bounds: Bounds) -> None:
        async with aclosing(read_pieces(response, bounds)) as pieces:
            try:
                with write_copy(self.file) as copy:
                    decompressor = _Decompressor(content_coding(response), bounds.max_size)
                    async for piece in pieces:
                        copy.writelines(decompressor.feed(piece))
                    decompressor.finish()
            except OSError as error:
                raise store_error(self.file.name, error) from error


class _Decompressor:
    """Decodes a Content-Encoding, then gzip if the decoded body is a gzip file.

    *max_size* limits the decompressed list, in bytes.
    """

    def __init__(self, coding: str, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0
        self.started = False
        self.decode = decoder(coding)
        self.inflate: Decoder | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        for data in (piece,) if self.decode is None else self.decode.feed(piece):
            yield from self._inflate(data)

    def _inflate(self, piece: bytes) -> Iterator[bytes]:
        if not self.started:
            self.started = True
            self.inflate = decoder("gzip") if piece.startswith(GZIP) else None
        for data in (piece,) if self.inflate is None else self.inflate.feed(piece):
            self.size += len(data)
            if self.max_size and self.size > self.max_size:
                raise TooLarge
            yield data

    def finish(self) -> None:
        for step in (self.decode, self.inflate):
            if step is not None:
                step.finish()
