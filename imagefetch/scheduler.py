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

from imagefetch import signals
from imagefetch.items import ImageRecord
from imagefetch.meta import DUPLICATE_OF, FIRST_SENT, LINE, RETRY_IN, SETTLED
from imagefetch.spiders.images import ImagesSpider
from imagefetch.urls import Line

# Lines that wait for a retry, or for the line whose duplicate they are; at
# about 300 bytes each. With so many waiting, the list is not read further.
WAITING_MAX = 100_000


class Retry(NamedTuple):
    """A line that waits to be tried again: a tenth of the size of a `Request`."""

    due: float
    """Time of the event loop, seconds."""
    order: int
    """Breaks ties."""
    line: Line
    retry_times: int
    first_sent: float


@dataclass
class Host:
    """One host's requests: those that wait, and how many are under way."""

    limit: int
    busy: int = 0
    waiting: deque[Request] = field(default_factory=deque)


class HostScheduler(BaseScheduler):
    """Settings: LOOKAHEAD, CONCURRENT_REQUESTS_PER_DOMAIN, DOWNLOAD_SLOTS."""

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
        """Lines that wait for a retry or for the line whose duplicate they are."""
        return len(self._retries) + self._duplicate_count

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
        self._queue_due_retries()
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
        if record.key is not None:
            self.spider.outcomes.set_offset(record.key, offset)
            lines = self._duplicates.pop(record.key, [])
            self._duplicate_count -= len(lines)
            self._released.extend((line, record.key) for line in lines)

    def _queue(self, request: Request) -> None:
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

    def _wait(self, request: Request) -> None:
        meta = request.meta
        due = self._loop.time() + meta[RETRY_IN]
        retry = Retry(due, next(self._order), meta[LINE], meta["retry_times"], meta[FIRST_SENT])
        heapq.heappush(self._retries, retry)
        if self._retries[0] is retry:
            self._set_timer()

    def _queue_due_retries(self) -> None:
        now = self._loop.time()
        while self._retries and self._retries[0].due <= now and len(self) < self.lookahead:
            self._queue(self._next_retry())

    def _next_retry(self) -> Request:
        retry = heapq.heappop(self._retries)
        return self.spider.line_request(
            retry.line, retry_times=retry.retry_times, first_sent=retry.first_sent
        )

    def _set_timer(self) -> None:
        """Wake the engine, which may have nothing else to do, when a retry is due."""
        if self._timer is not None:
            self._timer.cancel()
        if self._retries:
            self._timer = self._loop.call_at(self._retries[0].due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._retries and self.crawler.engine.spider is not None:
            self.crawler.engine.crawl(self._next_retry())
        self._set_timer()
