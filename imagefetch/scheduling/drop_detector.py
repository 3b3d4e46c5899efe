"""Detects requests that a signal handler drops before they reach the scheduler.

If a handler of `request_scheduled` raises IgnoreRequest, Scrapy drops the request and calls
neither callback nor errback. Then `imagefetch.signals.line_dropped` is sent.
"""

from __future__ import annotations

import asyncio

from scrapy import Request, signals
from scrapy.crawler import Crawler

from imagefetch.meta import LINE
from imagefetch.signals import line_dropped
from imagefetch.utils.receivers import has_receivers


class DropDetector:
    """Follows requests of lines from the signal `request_scheduled` until they are scheduled.

    Its length is the number of requests in between.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self._requests: set[Request] = set()
        crawler.signals.connect(self._connect, signal=signals.engine_started)

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def has_others(self) -> bool:
        """Whether anyone receives the signal `request_scheduled`."""
        return has_receivers(self.crawler.signals, signals.request_scheduled)

    def _connect(self) -> None:
        if self.has_others:  # a handler costs time, and most runs have no other
            self.crawler.signals.connect(self._announce, signal=signals.request_scheduled)

    def _announce(self, request: Request) -> None:
        if LINE in request.meta:
            self._requests.add(request)
            asyncio.get_running_loop().call_soon(self._check, request)

    def scheduled(self, request: Request) -> None:
        """Record that *request* reached the scheduler."""
        self._requests.discard(request)

    def _check(self, request: Request) -> None:
        if request in self._requests:
            self._requests.remove(request)
            self.crawler.signals.send_catch_log(line_dropped, request=request)
