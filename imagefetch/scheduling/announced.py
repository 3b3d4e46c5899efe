"""Requests that a signal handler drops before the scheduler has them.

Scrapy tells nobody of these: a handler of `request_scheduled` raises IgnoreRequest, and that
is all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydispatch.dispatcher import getAllReceivers, liveReceivers
from scrapy import Request, signals
from scrapy.crawler import Crawler

from imagefetch.meta import LINE


class Announced:
    """Requests of lines that are about to be scheduled."""

    def __init__(self, crawler: Crawler, dropped: Callable[[Request], None]) -> None:
        """*dropped* is told of each that wasn't."""
        self.crawler = crawler
        self.dropped = dropped
        self._requests: set[Request] = set()
        crawler.signals.connect(self._watch, signal=signals.engine_started)

    def __len__(self) -> int:
        return len(self._requests)

    def _watch(self) -> None:
        manager = self.crawler.signals
        others = liveReceivers(getAllReceivers(manager.sender, signals.request_scheduled))
        if any(True for _ in others):  # a signal costs, and most runs have nobody listening
            manager.connect(self._announce, signal=signals.request_scheduled)

    def _announce(self, request: Request) -> None:
        if LINE in request.meta:
            self._requests.add(request)
            asyncio.get_running_loop().call_soon(self._look_after, request)

    def scheduled(self, request: Request) -> None:
        """Note that the scheduler has *request*."""
        self._requests.discard(request)

    def _look_after(self, request: Request) -> None:
        if request in self._requests:
            self._requests.remove(request)
            self.dropped(request)
