"""A list at an http(s) address: fetched as pictures are, and held to bounds of its own."""

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

# Seconds that a list may take to come, far more than a picture may: ten million
# lines are a gigabyte. MIN_SPEED and RESPONSE_TIMEOUT hold for it as well.
LIST_TIMEOUT = 3600

GZIP = b"\x1f\x8b"


def fetch_list(address: str, file: BinaryIO, settings: BaseSettings) -> None:
    """Write the list at *address* into *file* as `write_copy` does; its own gzip is undone.

    Settings: those of `StreamingDownloadHandler`, of retries and of redirects,
    INPUT_URLS_MAXSIZE, USER_AGENT, CONTACT, HTTPPROXY_ENABLED.

    :raises BadInput: one line: which list can't be had, and why
    """

    def fetch() -> None:
        asyncio.run(_fetch(address, file, settings))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        fetch()
        return
    with ThreadPoolExecutor(1) as thread:  # a script started the crawl in its own loop
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
        why = f"the list can't be fetched: {problem.reason}"
        raise BadInput(f"{shown(address)}: {why}") from problem
    except LocalError as error:
        raise BadInput(f"{shown(address)}: the list can't be fetched: {error}") from error
    finally:
        await handler.close()


async def _follow(address: str, handler: StreamingDownloadHandler) -> None:
    """Fetch *address*, or where it redirects to.

    :raises Problem: if no list comes
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
    """Writes a whole answer's body into a file."""

    def __init__(self, crawler: Crawler, file: BinaryIO) -> None:
        super().__init__(crawler)
        self.file = file

    async def receive(self, request: Request, answer: aiohttp.ClientResponse) -> Response:
        """:raises Failure: if no whole answer was had
        :raises StoreError: if the file system refuses"""
        response = Response(request.url, answer.status, Headers(answer.raw_headers))
        if rejection_of(answer.status) is not None:
            await skip(answer)
            return response
        async with MinimumSpeed(self.min_speed, self.window) as pace:
            await self._write(answer, self._bounds(request, pace))
        return response

    async def _write(self, answer: aiohttp.ClientResponse, bounds: Bounds) -> None:
        async with aclosing(read_pieces(answer, bounds)) as pieces:
            try:
                with write_copy(self.file) as copy:
                    plain = _Plain(content_coding(answer), bounds.max_size)
                    async for piece in pieces:
                        copy.writelines(plain.feed(piece))
                    plain.finish()
            except OSError as error:
                raise store_error(self.file.name, error) from error


class _Plain:
    """Undoes a Content-Encoding, then gzip where what comes of it is a file in it, and holds the
    list to a size."""

    def __init__(self, coding: str, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0
        self.begun = False
        self.decode = decoder(coding)
        self.inflate: Decoder | None = None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        for data in (piece,) if self.decode is None else self.decode.feed(piece):
            yield from self._inflated(data)

    def _inflated(self, piece: bytes) -> Iterator[bytes]:
        if not self.begun:
            self.begun = True
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
