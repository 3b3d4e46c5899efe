"""Downloads a list from an http(s) address, with the image download handler.

Lists have their own limits of size and time.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from scrapy.settings import BaseSettings, Settings

from imagefetch.addons import user_agent
from imagefetch.download.bodies.body import Sink, Skip
from imagefetch.download.bodies.content_encoding import decoder
from imagefetch.download.curl.response_head import Head
from imagefetch.download.handler import StreamingDownloadHandler
from imagefetch.download.receiver import Receiver, Reception
from imagefetch.errors import BadInput, LocalError, Problem, rejection_of, store_error
from imagefetch.lists.compression import Decompressor
from imagefetch.lists.kept_copy import CopyWriter
from imagefetch.middlewares.redirect import NamedRedirectMiddleware
from imagefetch.middlewares.retry import backoff
from imagefetch.urls import shown

# Total timeout of a list in seconds, far longer than that of an image: ten million
# lines are a gigabyte. MIN_SPEED and RESPONSE_TIMEOUT apply as well.
LIST_TIMEOUT = 3600


def fetch_list(address: str, file: BinaryIO, settings: BaseSettings) -> None:
    """Write the list at *address* into *file* with `CopyWriter`; a compressed list is decompressed.

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

    def reception(self, request: Request) -> Reception:
        return _ListReception(self, request)

    def max_size_of(self, request: Request) -> int:
        max_size: int = request.meta["download_maxsize"]
        return max_size

    def sink_for(self, request: Request, head: Head, max_size: int) -> Sink:
        if rejection_of(head.status) is not None:
            return Skip()
        return _ListSink(self.file, head.values(b"content-encoding"), max_size)


class _ListReception(Reception):
    async def whole_response(self) -> Response:
        """Return the response, its body empty.

        :raises Failure: if the list is incomplete
        :raises StoreError: if the file system refuses
        """
        if isinstance(self.sink, _ListSink):
            self.sink.finish()
        return self.response_of([], b"")


class _ListSink:
    """Writes a list into a file as it arrives."""

    busy = None

    def __init__(self, file: BinaryIO, codings: list[str], max_size: int) -> None:
        self._name = file.name
        self._decode = decoder(",".join(codings))
        self._decompressor = Decompressor(max_size)
        self._copy = CopyWriter(file)

    def feed(self, data: bytes) -> bool:
        """
        :raises Failure: if it can't be decoded, or is too long
        :raises StoreError: if the file system refuses
        """
        try:
            for decoded in (data,) if self._decode is None else self._decode.feed(data):
                for piece in self._decompressor.feed(decoded):
                    self._copy.write(piece)
        except OSError as error:
            raise store_error(self._name, error) from error
        return True

    def finish(self) -> None:
        """
        :raises Failure: if the list is incomplete
        :raises StoreError: if the file system refuses
        """
        if self._decode is not None:
            self._decode.finish()
        try:
            for piece in self._decompressor.finish():
                self._copy.write(piece)
            self._copy.close()
        except OSError as error:
            raise store_error(self._name, error) from error

    async def discard(self) -> None:
        with suppress(OSError):
            self._copy.close()
