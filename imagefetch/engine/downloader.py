"""Downloader (Scrapy's setting DOWNLOADER) that lets requests pass without slots of its own.

The scheduler returns a request only if its host may have one more in flight. So Scrapy's slot,
which needs a queue, a task and two deferreds for each request, would delay none of them. Requests
that it may delay still pass through it: all requests if there is a delay between two, and those
that are not from the scheduler.
"""

from __future__ import annotations

import asyncio

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from imagefetch.context import context_of
from imagefetch.engine.middleware_chain import MiddlewareChain


class DirectDownloader(Downloader):
    """Scrapy's downloader, with a short way for requests that nothing delays.

    Settings: DOWNLOAD_DELAY, DOWNLOAD_SLOTS and AUTOTHROTTLE_ENABLED, with which requests take
    Scrapy's slots.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._delayed = bool(
            settings.getfloat("DOWNLOAD_DELAY") or settings.getbool("AUTOTHROTTLE_ENABLED")
        )
        self._context = context_of(crawler)
        self._chain = MiddlewareChain(self.middleware, crawler)
        self._tasks: dict[Request, asyncio.Task[None]] = {}

    def fetch(self, request: Request, spider: Spider | None = None) -> Deferred[Response | Request]:
        """Pass *request* through the middlewares and download it."""
        deferred: Deferred[Response | Request] = Deferred()
        self.active.add(request)
        loop = asyncio.get_running_loop()
        self._tasks[request] = loop.create_task(self._fetch(request, deferred))
        return deferred

    async def _fetch(self, request: Request, deferred: Deferred[Response | Request]) -> None:
        result: Response | Request | Failure
        try:
            result = await self._chain.download(self._download_directly, request)
        except (Exception, asyncio.CancelledError):
            result = Failure()  # type: ignore[no-untyped-call]
        self.active.remove(request)
        del self._tasks[request]
        deferred.callback(result)

    async def _download_directly(self, request: Request) -> Response:
        name = self._direct_slot(request)
        if name is None:
            return await self._enqueue_request(request)
        request.meta[self.DOWNLOAD_SLOT] = name
        send, spider = self.signals.send_catch_log, self.crawler.spider
        send(signals.request_reached_downloader, request=request, spider=spider)
        try:
            response = await self.handlers.download_request_async(request)
            send(signals.response_downloaded, response=response, request=request, spider=spider)
            return response
        finally:
            send(signals.request_left_downloader, request=request, spider=spider)

    def _direct_slot(self, request: Request) -> str | None:
        """Return the name of *request*'s slot; None if it must pass through Scrapy's."""
        if self._delayed:
            return None
        slot = self._context.scheduler.slot_of(request)
        if slot is None or request.meta.get(self.DOWNLOAD_SLOT, slot.host) != slot.host:
            return None  # not from the scheduler, or a middleware has named another slot
        name = slot.host
        own = self.slots.get(name)
        if name in self.per_slot_settings or (own is not None and own.delay):
            return None
        return name
