"""Who is asked next: a queue per host, round robin, within exact limits.

Scrapy's own slots let a multiple of CONCURRENT_REQUESTS_PER_DOMAIN through. So
this scheduler hands out only what a host may be sent now. A request that was
handed out holds its place while the downloader counts it as active; however it
ends, its place is free again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler
from scrapy.utils.httpobj import urlparse_cached

from imagefetch import signals
from imagefetch.breaker import Breakers, Change
from imagefetch.items import ImageRecord
from imagefetch.meta import DUPLICATE_OF, FIRST_SENT, LINE, RETRY_IN, SETTLED
from imagefetch.spiders.images import ImagesSpider
from imagefetch.urls import Line

# Lines that wait for a retry, or for the line whose duplicate they are; at
# about 300 bytes each. With so many waiting, the list is not read further.
WAITING_MAX = 100_000


# Seconds by which a timer may be early.
CLOCK = 0.001


class Retry(NamedTuple):
    """A line that waits to be tried, again or for its host: a tenth of the size of a `Request`."""

    due: float
    """Time of the event loop, seconds."""
    order: int
    """Breaks ties."""
    line: Line
    retry_times: int
    first_sent: float | None


@dataclass
class Host:
    """One host's requests: those that wait, and how many are under way."""

    limit: int
    busy: int = 0
    waiting: deque[Request] = field(default_factory=deque)


class HostScheduler(BaseScheduler):
    """Settings: LOOKAHEAD, CONCURRENT_REQUESTS_PER_DOMAIN, DOWNLOAD_SLOTS, BREAKER_FAILURES,
    and as a host's patience RETRY_TIMES, RETRY_DELAY, RETRY_MAX_DELAY."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.lookahead = crawler.settings.getint("LOOKAHEAD")
        self.limit = crawler.settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN")
        self.slots: dict[str, dict[str, Any]] = crawler.settings.getdict("DOWNLOAD_SLOTS")
        self._hosts: dict[str, Host] = {}
        self._turns: deque[str] = deque()  # hosts with requests that wait
        self._queued = 0
        self._under_way: dict[Request, str] = {}
        self._settled: deque[Request] = deque()  # lines that need no download
        self._retries: list[Retry] = []  # a heap
        settings = crawler.settings
        self._breakers: Breakers[Retry] = Breakers(
            settings.getint("BREAKER_FAILURES"),
            max(1, settings.getint("RETRY_TIMES")),
            settings.getfloat("RETRY_DELAY"),
            settings.getfloat("RETRY_MAX_DELAY"),
        )
        self._opened: deque[str] = deque()  # sites whose parked lines may go on, or end
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._duplicates: dict[bytes, list[Line]] = {}  # of lines that are not done
        self._duplicate_count = 0
        self._released: deque[tuple[Line, bytes]] = deque()  # duplicates of lines that are
        self._room = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HostScheduler:
        scheduler = cls(crawler)
        crawler.signals.connect(scheduler.row_written, signal=signals.row_written)
        return scheduler

    def open(self, spider: Spider) -> None:
        self.spider = cast("ImagesSpider", spider)
        self._loop = asyncio.get_running_loop()

    def close(self, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def __len__(self) -> int:
        """Lines that can go on now."""
        return self._queued + len(self._settled) + len(self._released)

    @property
    def waiting(self) -> int:
        """Lines that wait for a retry, for their host, or for the line whose duplicate they are."""
        return len(self._retries) + self._breakers.waiting + self._duplicate_count

    @property
    def retrying(self) -> int:
        """Of these, those that wait for a retry."""
        return len(self._retries)

    async def room(self) -> None:
        """Return once another line may be read from the list."""
        while len(self) >= self.lookahead or self.waiting >= WAITING_MAX:
            self._room.clear()
            await self._room.wait()

    def has_pending_requests(self) -> bool:
        return bool(len(self) or self.waiting)

    def enqueue_request(self, request: Request) -> bool:
        meta = request.meta
        if RETRY_IN in meta:
            self._wait(request)
        elif DUPLICATE_OF in meta and self.spider.outcomes.offset(meta[DUPLICATE_OF]) is None:
            self._duplicates.setdefault(meta[DUPLICATE_OF], []).append(meta[LINE])
            self._duplicate_count += 1
        elif SETTLED in meta or DUPLICATE_OF in meta:
            self._settled.append(request)
        else:
            self._queue(request)
        return True

    def next_request(self) -> Request | None:
        self._reclaim_places()
        self._queue_what_is_due()
        if self._settled:
            request: Request | None = self._settled.popleft()
        elif self._released:
            request = self.spider.duplicate_request(*self._released.popleft())
        else:
            request = self._next_of_hosts()
        if request is not None:
            self._room.set()
        return request

    def row_written(self, record: ImageRecord, offset: int) -> None:
        """Let the duplicates of *record*'s line go on."""
        if site := self._breakers.ended(record.line, self._loop.time()):
            self._opened.append(site)
        if record.key is not None:
            self.spider.outcomes.set_offset(record.key, offset)
            lines = self._duplicates.pop(record.key, [])
            self._duplicate_count -= len(lines)
            self._released.extend((line, record.key) for line in lines)

    def note(self, request: Request, *, failed: bool) -> None:
        """Take in what came of *request*: whether no connection could be made to its host."""
        site = site_of(request)
        change = self._breakers.note(site, request.meta[LINE], self._loop.time(), failed=failed)
        if change is Change.PARKED:
            self._park_queue(self.crawler.engine.downloader.get_slot_key(request))
        elif change is not Change.NONE:
            self._opened.append(site)
        if failed:
            self._set_timer()

    def _queue(self, request: Request) -> None:
        if not request.meta.get("redirect_times"):  # what was begun goes on
            site = site_of(request)
            match self._breakers.admit(site, request.meta[LINE], self._loop.time()):
                case Change.PARKED:
                    self._breakers.park(site, self._compact(request))
                    return
                case Change.GIVEN_UP:
                    self._settled.append(self.spider.given_up(request))
                    return
        key = self.crawler.engine.downloader.get_slot_key(request)
        host = self._hosts.get(key)
        if host is None:
            limit = self.slots.get(key, {}).get("concurrency", self.limit)
            host = self._hosts[key] = Host(limit)
        if not host.waiting:
            self._turns.append(key)
        if request.meta.get("redirect_times"):
            host.waiting.appendleft(request)  # what was begun comes first
        else:
            host.waiting.append(request)
        self._queued += 1

    def _next_of_hosts(self) -> Request | None:
        for _ in range(len(self._turns)):
            key = self._turns.popleft()
            host = self._hosts[key]
            if host.busy >= host.limit:
                self._turns.append(key)
                continue
            request = host.waiting.popleft()
            host.busy += 1
            self._under_way[request] = key
            self._queued -= 1
            if host.waiting:
                self._turns.append(key)
            return request
        return None

    def _reclaim_places(self) -> None:
        active = self.crawler.engine.downloader.active
        for request in [r for r in self._under_way if r not in active]:
            key = self._under_way.pop(request)
            host = self._hosts[key]
            host.busy -= 1
            if not host.busy and not host.waiting:
                del self._hosts[key]

    def _park_queue(self, key: str) -> None:
        """Let requests that wait for the host *key* wait for their sites instead."""
        host = self._hosts.get(key)
        if host is None or not host.waiting:
            return
        self._turns.remove(key)
        self._queued -= len(host.waiting)
        waiting, host.waiting = host.waiting, deque()
        for request in waiting:
            self._queue(request)

    def _compact(self, request: Request, wait: float = 0) -> Retry:
        meta = request.meta
        due, order = self._loop.time() + wait, next(self._order)
        return Retry(due, order, meta[LINE], meta.get("retry_times", 0), meta.get(FIRST_SENT))

    def _wait(self, request: Request) -> None:
        retry = self._compact(request, request.meta[RETRY_IN])
        heapq.heappush(self._retries, retry)
        if self._retries[0] is retry:
            self._set_timer()

    def _queue_what_is_due(self) -> None:
        now = self._loop.time()
        while len(self) < self.lookahead and (request := self._due(now)):
            self._queue(request)
        while self._opened and len(self) < self.lookahead:
            site = self._opened[0]
            retry = None if self._breakers.holds(site) else self._breakers.take(site)
            if retry is None:
                self._opened.popleft()
            else:
                self._queue(self._request_of(retry))

    def _due(self, now: float) -> Request | None:
        """Return the request for a line that need wait no more; None if there is none."""
        if self._retries and self._retries[0].due <= now:
            return self._request_of(heapq.heappop(self._retries))
        probe = self._breakers.take_probe(now)
        return None if probe is None else self._request_of(probe)

    def _request_of(self, retry: Retry) -> Request:
        sent = {} if retry.first_sent is None else {FIRST_SENT: retry.first_sent}
        return self.spider.line_request(retry.line, retry_times=retry.retry_times, **sent)

    def _set_timer(self) -> None:
        """Wake the engine, which may have nothing else to do, when a line is due."""
        if self._timer is not None:
            self._timer.cancel()
        due = [time for time in (self._breakers.next_due(),) if time is not None]
        due += [retry.due for retry in self._retries[:1]]
        if due:
            self._timer = self._loop.call_at(min(due), self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self.crawler.engine.spider is not None:
            request = self._due(self._loop.time() + CLOCK)
            if request is not None:
                self.crawler.engine.crawl(request)
        self._set_timer()


def site_of(request: Request) -> str:
    """Return what connections to *request*'s host have in common: ``http://a.example:80``."""
    parts = urlparse_cached(request)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
