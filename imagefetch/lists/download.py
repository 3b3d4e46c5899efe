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
from imagefetch.download.handler import StreamingDownloadHandler
from imagefetch.errors import BadInput, LocalError, Problem, rejection_of
from imagefetch.lists.list_receiver import ListReceiver, ListReception
from imagefetch.middlewares.redirect import NamedRedirectMiddleware
from imagefetch.middlewares.retry import backoff
from imagefetch.urls import shown

# Total timeout of a list in seconds, far longer than that of an image: ten million
# lines are a gigabyte. MIN_SPEED and RESPONSE_TIMEOUT apply as well.
LIST_TIMEOUT = 3600


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
    handler.receiver = ListReceiver(crawler, file)
    handler.reception_class = ListReception
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
