"""Selects the next request within per-host limits.

Scrapy's downloader slots let a multiple of CONCURRENT_REQUESTS_PER_DOMAIN through. So this
scheduler returns a request only if its host has a free slot. The request holds the slot while
the downloader counts it as active; the slot is released however the request ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, cast

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from imagefetch import signals
from imagefetch.errors import LocalError
from imagefetch.items import ImageRecord
from imagefetch.meta import DUPLICATE_OF, FAILURE, FIRST_SENT, KEY, LINE, RETRY_IN
from imagefetch.scheduling.adaptive_limit import Outcome
from imagefetch.scheduling.announced import Announced
from imagefetch.scheduling.circuit_breaker import BlockedLines, Change
from imagefetch.scheduling.delayed import DelayedLines, Retry
from imagefetch.scheduling.downloader_slots import SLOTS, forget_slots
from imagefetch.scheduling.host_limits import HostLimits
from imagefetch.scheduling.host_queues import HostQueues, Slot
from imagefetch.scheduling.prefetch import LookAhead
from imagefetch.urls import Line, origin_of
from imagefetch.utils.shutdown import stop_run

if TYPE_CHECKING:
    from imagefetch.spiders.images import ImagesSpider


# Seconds by which a timer may fire early.
CLOCK = 0.001


class HostScheduler(BaseScheduler):
    """The scheduler of a run.

    Settings: LOOKAHEAD, and those of `HostLimits` and `DelayedLines`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.host_limits = HostLimits(crawler.settings)
        self.lookahead = crawler.settings.getint("LOOKAHEAD")
        self._hosts = HostQueues(self.host_limits.limit)
        self._waiting = DelayedLines(crawler.settings)
        self._look_ahead = LookAhead(self._hosts, self._waiting, self.__len__, self.lookahead)
        self._settled: deque[Request] = deque()  # lines that need no download
        self._released: deque[tuple[Line, bytes]] = deque()  # duplicates of lines that are done
        self._timer: asyncio.TimerHandle | None = None
        self._slots_kept = SLOTS

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HostScheduler:
        scheduler = cls(crawler)
        crawler.signals.connect(scheduler.row_written, signal=signals.row_written)
        return scheduler

    def open(self, spider: Spider) -> None:
        self.spider = cast("ImagesSpider", spider)
        self._announced = Announced(self.crawler, self.spider.dropped)
        self._loop = asyncio.get_running_loop()

    def close(self, reason: str) -> None:
        self._look_ahead.close()
        if self._timer is not None:
            self._timer.cancel()

    def __len__(self) -> int:
        """Return the number of lines that are ready to be sent or to end."""
        return self._hosts.waiting + len(self._settled) + len(self._released)

    @property
    def waiting(self) -> int:
        """Number of lines that wait: for a retry, for a blocked host, or as a duplicate."""
        return len(self._waiting)

    @property
    def retrying(self) -> int:
        """Number of lines that wait for a retry."""
        return self._waiting.retries

    def parked(self) -> BlockedLines | None:
        """Return the figures of lines that wait for unreachable hosts; None if there are none."""
        hosts = list(self._waiting.open_hosts())
        lines = sum(
            waiting + self._look_ahead.backlog_of_origin(origin) for origin, waiting, _ in hosts
        )
        if not lines:
            return None
        now = self._loop.time()
        due = [max(0.0, until - now) for _, _, until in hosts]
        return BlockedLines(lines, len(hosts), min(due), max(due))

    def least_left(self) -> float:
        """Return the minimum of seconds that the lines read so far take: until the last retry is
        due, and until the last request to a host with a delay may be sent."""
        last = self._waiting.last_retry
        retries = 0.0 if last is None else max(0.0, last - self._loop.time())
        if not (self.host_limits.delay or self.host_limits.slots):
            return retries
        delays = (
            (waiting + self._look_ahead.backlog_of_host(host)) * self.host_limits.delay_of(host)
            for host, waiting in self._hosts.queues()
        )
        return max(retries, max(delays, default=0.0))

    def lines(self, lines: Iterator[Line]) -> AsyncIterator[Line]:
        """Yield each of *lines* when a request for it is needed: `LookAhead.lines`."""
        return self._look_ahead.lines(lines)

    def has_pending_requests(self) -> bool:
        return bool(len(self) or len(self._waiting) or self._announced)

    def enqueue_request(self, request: Request) -> bool:
        self._announced.scheduled(request)
        meta = request.meta
        if RETRY_IN in meta:
            due = self._loop.time() + meta[RETRY_IN]
            if self._waiting.add_retry(meta[LINE], due, *_history(request)):
                self._set_timer()
        elif DUPLICATE_OF in meta and self.spider.row_offsets.offset(meta[DUPLICATE_OF]) is None:
            self._waiting.add_duplicate(meta[DUPLICATE_OF], meta[LINE])
        elif FAILURE in meta or DUPLICATE_OF in meta:
            self._settled.append(request)
        else:
            self._queue(request)
        return True

    def next_request(self) -> Request | None:
        active = self.crawler.engine.downloader.active
        self._hosts.free_slots(active)
        self._queue_due()
        request = self._take()
        if request is None and self._hosts.in_flight > len(active):  # not every end is reported
            self._hosts.free_slots(active, of_all=True)
            request = self._take()
        self._slots_kept = forget_slots(self.crawler.engine.downloader.slots, self._slots_kept)
        slot = None if request is None else self._hosts.slot_of(request)
        self._look_ahead.slot_is_free = request is None
        self._look_ahead.wake(None if slot is None else slot.host)
        return request

    def row_written(self, record: ImageRecord, offset: int) -> None:
        """Release the duplicates of *record*'s line."""
        self.spider.row_check.row_written(record)
        self._waiting.ended(record.line, self._loop.time())
        if record.key is not None:
            try:
                self.spider.row_offsets.set_offset(record.key, offset)
            except LocalError as error:
                stop_run(self.crawler, error)
                return
            lines = self._waiting.take_duplicates(record.key)
            self._released.extend((line, record.key) for line in lines)

    def slot_of(self, request: Request) -> Slot | None:
        """Return the slot that *request* holds; None if it did not come from `next_request`."""
        return self._hosts.slot_of(request)

    def note(self, request: Request, outcome: Outcome, *, unreachable: bool) -> None:
        """Record the outcome of *request*; *unreachable*: whether no connection could be made."""
        now = self._loop.time()
        if (slot := self._hosts.slot_of(request)) is not None:
            latency = request.meta.get("download_latency", 0.0)
            busy = self._hosts.is_full(slot.host)
            self.host_limits.note(slot.host, outcome, slot.since, now, latency, busy=busy)
            self._hosts.ended(request)
        # The target of a redirect is not the host whose lines would wait.
        if KEY in request.meta and not request.meta.keys() & {FAILURE, "redirect_times"}:
            self._note_origin(request, now, unreachable=unreachable)

    def _note_origin(self, request: Request, now: float, *, unreachable: bool) -> None:
        if not unreachable and not self._waiting.has_failing_hosts:
            return
        origin, host = origin_of(request.url) or "", self._host_of(request)
        change = self._waiting.note(origin, request.meta[LINE], now, failed=unreachable)
        if change is Change.OPEN:
            for queued in self._hosts.take_all(host):
                self._queue(queued)
        if change is not Change.NONE:
            self._look_ahead.wake(host, origin)
        if unreachable:
            self._set_timer()

    def _host_of(self, request: Request) -> str:
        host: str = self.crawler.engine.downloader.get_slot_key(request)
        return host

    def _queue(self, request: Request) -> None:
        redirected = bool(request.meta.get("redirect_times"))  # redirects go first
        if self._waiting.has_failing_hosts and not redirected:
            origin, line = origin_of(request.url) or "", request.meta[LINE]
            match self._waiting.admit(origin, line, self._loop.time()):
                case Change.OPEN:
                    self._waiting.add_blocked(origin, line, *_history(request))
                    return
                case Change.GIVEN_UP:
                    self._settled.append(self.spider.given_up(request))
                    return
        self._hosts.add(self._host_of(request), request, first=redirected)

    def _take(self) -> Request | None:
        if self._settled:
            return self._settled.popleft()
        if self._released:
            return self.spider.duplicate_request(*self._released.popleft())
        return self._hosts.take(self._loop.time())

    def _queue_due(self) -> None:
        now = self._loop.time()
        while len(self) < self.lookahead:
            retry = self._waiting.take_due(now) or self._waiting.take_unblocked()
            if retry is None:
                return
            self._queue(self._request_of(retry))

    def _request_of(self, retry: Retry) -> Request:
        sent = {} if retry.first_sent is None else {FIRST_SENT: retry.first_sent}
        request = self.spider.line_request(retry.line, retry_times=retry.retry_times, **sent)
        self._look_ahead.wake(self._host_of(request), origin_of(request.url))
        return request

    def _set_timer(self) -> None:
        """Wake the engine when a line is due: it may have nothing else to do."""
        if self._timer is not None:
            self._timer.cancel()
        due = self._waiting.next_due()
        if due is not None:
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self.crawler.engine.spider is not None:
            retry = self._waiting.take_due(self._loop.time() + CLOCK)
            if retry is not None:
                self.crawler.engine.crawl(self._request_of(retry))
        self._set_timer()


def _history(request: Request) -> tuple[int, float | None]:
    """Return what is kept of a waiting request: its retries, and when the first was sent."""
    return request.meta.get("retry_times", 0), request.meta.get(FIRST_SENT)
