"""Queues requests to hosts that accept them; others wait for their host, or fail."""

from __future__ import annotations

import asyncio
from collections import deque

from scrapy import Request
from scrapy.crawler import Crawler

from imagefetch.errors import HostPaused, HostUnavailable
from imagefetch.meta import FIRST_SENT, LINE, UNCOUNTED
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.delayed import DelayedLines
from imagefetch.scheduling.host_queues import HostQueues
from imagefetch.scheduling.requests import give_up
from imagefetch.urls import origin_of


class RequestQueue:
    """Adds requests to the queues of their hosts, as circuit breakers and rate limits allow."""

    def __init__(self, crawler: Crawler, hosts: HostQueues, delayed: DelayedLines) -> None:
        self._crawler = crawler
        self.hosts = hosts
        self.delayed = delayed
        self.undownloaded: deque[Request] = deque()
        """Requests of lines that need no download."""

    def host_of(self, request: Request) -> str:
        """Return the host of *request*: the name of its downloader slot."""
        host: str = self._crawler.engine.downloader.get_slot_key(request)
        return host

    def add(self, request: Request) -> None:
        """Queue *request*, or let its line wait for its host, or fail."""
        redirected = bool(request.meta.get("redirect_times"))  # redirects go first
        if self.delayed.has_failing_hosts and not self._may_send(request, redirected=redirected):
            return
        self.hosts.add(self.host_of(request), request, first=redirected)

    def requeue(self, host: str) -> None:
        """Queue the requests of *host* again, which may have to wait now."""
        now = asyncio.get_running_loop().time()
        for queued in self.hosts.take_all(host):
            line, origin = queued.meta[LINE].id, origin_of(queued.url)
            self.delayed.throttles.ended(line, now, origin)
            self.add(queued)

    def _may_send(self, request: Request, *, redirected: bool) -> bool:
        """Return whether *request* may be sent; else its line waits for its host, or fails."""
        origin, line = origin_of(request.url) or "", request.meta[LINE]
        now = asyncio.get_running_loop().time()
        throttles = self.delayed.throttles
        match throttles.admit(origin, line.id, now):
            case Admission.WAIT:
                # The target of a redirect waits as a line, which is small. That starts at its
                # first URL, so it would never get past two URLs of one origin.
                passed = map(origin_of, request.meta.get("redirect_urls", ()))
                kept = request if origin in passed else None
                self.delayed.add_throttled(
                    origin, line, *history_of(request), now=now, request=kept
                )
                return False
            case Admission.FAIL:
                self.undownloaded.append(give_up(request, HostPaused()))
                return False
        # The target of a redirect is not the host whose lines would wait.
        admission = Admission.SEND if redirected else self.delayed.admit(origin, line, now)
        if admission is Admission.SEND:
            return True
        throttles.ended(line.id, now)
        if admission is Admission.WAIT:
            self.delayed.add_blocked(origin, line, *history_of(request))
        else:
            self.undownloaded.append(give_up(request, HostUnavailable()))
        return False


def history_of(request: Request) -> tuple[int, float | None, int]:
    """Return what is kept of a waiting request: its retries, when the first request of its line
    was sent, and its requests that are no retries."""
    meta = request.meta
    return meta.get("retry_times", 0), meta.get(FIRST_SENT), meta.get(UNCOUNTED, 0)
