"""Selects the next request within per-host limits.

Scrapy's downloader slots let a multiple of CONCURRENT_REQUESTS_PER_DOMAIN through. So this
scheduler returns a request only if its host has a free slot. The request holds the slot while
the downloader counts it as active; the slot is released however the request ends.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.crawler import Crawler

from imagefetch import signals
from imagefetch.context import context_of
from imagefetch.errors import LocalError
from imagefetch.items import ImageRecord
from imagefetch.line import Line
from imagefetch.meta import DUPLICATE_OF, FAILURE, FIRST_SENT, LINE, RETRY_IN, UNCOUNTED
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.delayed import DelayedLines, WaitingLine
from imagefetch.scheduling.downloader_slots import SLOTS, forget_slots
from imagefetch.scheduling.drop_detector import DropDetector
from imagefetch.scheduling.due_timer import DueTimer
from imagefetch.scheduling.host_queues import HostQueues, Slot
from imagefetch.scheduling.metrics import SchedulerMetrics
from imagefetch.scheduling.outcome_recorder import OutcomeRecorder
from imagefetch.scheduling.prefetch import Prefetcher
from imagefetch.scheduling.rate_limits.refusals import RateLimitHint, Verdict
from imagefetch.scheduling.request_queue import RequestQueue, history_of
from imagefetch.urls import origin_of
from imagefetch.utils.processes.shutdown import stop_run

# Seconds by which a timer may fire early.
CLOCK = 0.001


class HostScheduler(BaseScheduler):
    """The scheduler of a run.

    Settings: LOOKAHEAD, and those of `HostLimits` and `DelayedLines`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.context = context_of(crawler)
        self.context.scheduler = self
        self.host_limits = HostLimits(crawler.settings)
        self.lookahead = crawler.settings.getint("LOOKAHEAD")
        self._hosts = HostQueues(self.host_limits.limit)
        self._delayed = DelayedLines(crawler.settings, self.host_limits)
        self._prefetcher = Prefetcher(self._hosts, self._delayed, self.__len__, self.lookahead)
        self._queue = RequestQueue(crawler, self._hosts, self._delayed)
        self._duplicates: deque[tuple[Line, bytes]] = deque()  # duplicates of lines that are done
        self._drop_detector = DropDetector(crawler)
        self._timer = DueTimer(self._delayed.next_due, self._send_due)
        self._outcomes = OutcomeRecorder(
            self._queue, self.host_limits, self._prefetcher, self._timer
        )
        self.metrics = SchedulerMetrics(
            self._hosts, self._delayed, self._prefetcher, self.host_limits
        )
        self._slots_kept = SLOTS
        self._request_for: Callable[[Line], Request] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HostScheduler:
        scheduler = cls(crawler)
        crawler.signals.connect(scheduler.row_written, signal=signals.row_written)
        return scheduler

    def open(self, spider: Spider) -> None:
        self._loop = asyncio.get_running_loop()

    def close(self, reason: str) -> None:
        self._prefetcher.close()
        self._timer.cancel()

    def __len__(self) -> int:
        """Return the number of lines that are ready to be sent or to end."""
        return self._hosts.waiting + len(self._queue.undownloaded) + len(self._duplicates)

    def lines(
        self, lines: Iterator[Line], request_for: Callable[[Line], Request] | None = None
    ) -> AsyncIterator[Line]:
        """Yield each of *lines* when a request for it is needed: `Prefetcher.lines`.

        *request_for*: if given, requests for most lines are made with it instead: the engine takes
        several turns of the event loop for each request that comes from the spider. Not if a
        component receives such requests.
        """
        if not self.crawler.engine.scraper.spidermw.methods["process_start"]:
            self._request_for = request_for
        return self._prefetcher.lines(lines)

    def has_pending_requests(self) -> bool:
        return bool(len(self) or len(self._delayed) or self._drop_detector)

    def enqueue_request(self, request: Request) -> bool:
        self._drop_detector.scheduled(request)
        meta = request.meta
        if RETRY_IN in meta:
            due = self._loop.time() + meta[RETRY_IN]
            if self._delayed.add_retry(meta[LINE], due, *history_of(request)):
                self._timer.set()
        elif DUPLICATE_OF in meta and self.context.row_offsets.offset(meta[DUPLICATE_OF]) is None:
            self._delayed.add_duplicate(meta[DUPLICATE_OF], meta[LINE])
        elif FAILURE in meta or DUPLICATE_OF in meta:
            self._queue.undownloaded.append(request)
        else:
            self._queue.add(request)
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
        self._prefetcher.slot_is_free = request is None
        host = None if slot is None else slot.host
        if self._request_for is None or self._drop_detector.has_others:
            self._prefetcher.wake(host)
        else:
            self._prefetcher.mark(host)
            self._pull(self._request_for)
            request = request or self._take()
        if self._delayed.throttles.waiting:
            self._timer.set()
        return request

    def _pull(self, request_for: Callable[[Line], Request]) -> None:
        """Queue requests for the next lines."""
        for line in self._prefetcher.pull():
            try:
                self.enqueue_request(request_for(line))
            except LocalError as error:
                self._prefetcher.fail(error)
                return

    def row_written(self, record: ImageRecord, offset: int) -> None:
        """Release the duplicates of *record*'s line."""
        self._delayed.ended(record.line_id, self._loop.time())
        if record.key is not None:
            try:
                self.context.row_offsets.set_offset(record.key, offset)
            except LocalError as error:
                stop_run(self.crawler, error)
                return
            lines = self._delayed.take_duplicates(record.key)
            self._duplicates.extend((line, record.key) for line in lines)

    def slot_of(self, request: Request) -> Slot | None:
        """Return the slot that *request* holds; None if it did not come from `next_request`."""
        return self._hosts.slot_of(request)

    def record_outcome(
        self,
        request: Request,
        outcome: Outcome,
        told: RateLimitHint | None = None,
        *,
        unreachable: bool,
    ) -> Verdict | None:
        """Record the outcome of *request*: `OutcomeRecorder.record`."""
        return self._outcomes.record(request, outcome, told, unreachable=unreachable)

    def record_told(self, request: Request, told: RateLimitHint) -> Verdict | None:
        """Record what another response *told*: `OutcomeRecorder.record_told`."""
        return self._outcomes.record_told(request, told)

    def is_paused(self, request: Request) -> bool:
        """Return whether *request*'s origin has paused, so that it must not be sent now."""
        origin = origin_of(request.url) or ""
        return self._delayed.throttles.is_paused(origin, self._loop.time())

    def not_sent(self, request: Request) -> None:
        """Record that *request* is scheduled again instead of being sent."""
        throttles = self._delayed.throttles
        throttles.ended(request.meta[LINE].id, self._loop.time(), origin_of(request.url))

    def _take(self) -> Request | None:
        if self._queue.undownloaded:
            return self._queue.undownloaded.popleft()
        if self._duplicates:
            return self.context.requests.duplicate(*self._duplicates.popleft())
        return self._hosts.take(self._loop.time())

    def _queue_due(self) -> None:
        now = self._loop.time()
        while len(self) < self.lookahead:
            retry = self._delayed.take_due(now) or self._delayed.take_unblocked()
            if retry is None:
                return
            self._queue.add(self._request_of(retry))

    def _request_of(self, retry: WaitingLine) -> Request:
        if retry.request is not None:
            return retry.request
        sent: dict[str, float] = {} if retry.first_sent is None else {FIRST_SENT: retry.first_sent}
        if retry.uncounted:
            sent[UNCOUNTED] = retry.uncounted
        request = self.context.requests.download(retry.line, retry_times=retry.retry_times, **sent)
        self._prefetcher.wake(self._queue.host_of(request), origin_of(request.url))
        return request

    def _send_due(self) -> None:
        """Hand a due line to the engine, which then asks for the next request."""
        if self.crawler.engine.spider is not None:
            retry = self._delayed.take_due(self._loop.time() + CLOCK)
            if retry is not None:
                self.crawler.engine.crawl(self._request_of(retry))
