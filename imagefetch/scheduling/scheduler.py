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
from imagefetch.errors import HostPaused, HostUnavailable, LocalError
from imagefetch.items import ImageRecord
from imagefetch.meta import DUPLICATE_OF, FAILURE, FIRST_SENT, KEY, LINE, RETRY_IN, UNCOUNTED
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.circuit_breaker import Transition
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.delayed import DelayedLines, Retry
from imagefetch.scheduling.downloader_slots import SLOTS, forget_slots
from imagefetch.scheduling.drop_detector import DropDetector
from imagefetch.scheduling.due_timer import DueTimer
from imagefetch.scheduling.host_queues import HostQueues, Slot
from imagefetch.scheduling.metrics import SchedulerMetrics
from imagefetch.scheduling.prefetch import LookAhead
from imagefetch.scheduling.rate_limits.refusals import Sent, Told, Verdict
from imagefetch.scheduling.requests import give_up
from imagefetch.urls import Line, origin_of
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
        self._look_ahead = LookAhead(self._hosts, self._delayed, self.__len__, self.lookahead)
        self._undownloaded: deque[Request] = deque()  # requests of lines that need no download
        self._duplicates: deque[tuple[Line, bytes]] = deque()  # duplicates of lines that are done
        self._drop_detector = DropDetector(crawler)
        self._timer = DueTimer(self._delayed.next_due, self._send_due)
        self.metrics = SchedulerMetrics(
            self._hosts, self._delayed, self._look_ahead, self.host_limits
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
        self._look_ahead.close()
        self._timer.cancel()

    def __len__(self) -> int:
        """Return the number of lines that are ready to be sent or to end."""
        return self._hosts.waiting + len(self._undownloaded) + len(self._duplicates)

    def lines(
        self, lines: Iterator[Line], request_for: Callable[[Line], Request] | None = None
    ) -> AsyncIterator[Line]:
        """Yield each of *lines* when a request for it is needed: `LookAhead.lines`.

        *request_for*: if given, requests for most lines are made with it instead: the engine takes
        several turns of the event loop for each request that comes from the spider. Not if a
        component receives such requests.
        """
        if not self.crawler.engine.scraper.spidermw.methods["process_start"]:
            self._request_for = request_for
        return self._look_ahead.lines(lines)

    def has_pending_requests(self) -> bool:
        return bool(len(self) or len(self._delayed) or self._drop_detector)

    def enqueue_request(self, request: Request) -> bool:
        self._drop_detector.scheduled(request)
        meta = request.meta
        if RETRY_IN in meta:
            due = self._loop.time() + meta[RETRY_IN]
            if self._delayed.add_retry(meta[LINE], due, *_history(request)):
                self._timer.set()
        elif DUPLICATE_OF in meta and self.context.row_offsets.offset(meta[DUPLICATE_OF]) is None:
            self._delayed.add_duplicate(meta[DUPLICATE_OF], meta[LINE])
        elif FAILURE in meta or DUPLICATE_OF in meta:
            self._undownloaded.append(request)
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
        host = None if slot is None else slot.host
        if self._request_for is None or self._drop_detector.has_others:
            self._look_ahead.wake(host)
        else:
            self._look_ahead.mark(host)
            self._pull(self._request_for)
            request = request or self._take()
        if self._delayed.throttles.waiting:
            self._timer.set()
        return request

    def _pull(self, request_for: Callable[[Line], Request]) -> None:
        """Queue requests for the next lines."""
        for line in self._look_ahead.pull():
            try:
                self.enqueue_request(request_for(line))
            except LocalError as error:
                self._look_ahead.fail(error)
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
        self, request: Request, outcome: Outcome, told: Told | None = None, *, unreachable: bool
    ) -> Verdict | None:
        """Record the outcome of *request*.

        *told*: what the response said of further requests; *unreachable*: whether no connection
        could be made. Return what happens to the line, if that is not up to its retries.
        """
        now, verdict = self._loop.time(), None
        if (slot := self._hosts.slot_of(request)) is not None:
            if (told is not None or self._delayed.throttles) and LINE in request.meta:
                outcome, verdict = self._record_limit(request, slot, outcome, told, now)
            latency = request.meta.get("download_latency", 0.0)
            busy = self._hosts.is_full(slot.host)
            self.host_limits.note(slot.host, outcome, slot.since, now, latency, busy=busy)
            self._hosts.ended(request)
        # The target of a redirect is not the host whose lines would wait.
        if KEY in request.meta and not request.meta.keys() & {FAILURE, "redirect_times"}:
            self._record_connection(request, now, unreachable=unreachable)
            if unreachable:
                return self._delayed.verdict(origin_of(request.url) or "")
        return verdict

    def record_told(self, request: Request, told: Told) -> Verdict | None:
        """Record what the response for a file of its origin, which *request* waits for, *told* of
        further requests. Return what happens to the line if the host refused."""
        if (slot := self._hosts.slot_of(request)) is None:
            return None
        return self._record_limit(request, slot, Outcome.OTHER, told, self._loop.time())[1]

    def is_paused(self, request: Request) -> bool:
        """Return whether *request*'s origin has paused, so that it must not be sent now."""
        origin = origin_of(request.url) or ""
        return self._delayed.throttles.is_paused(origin, self._loop.time())

    def not_sent(self, request: Request) -> None:
        """Record that *request* is scheduled again instead of being sent."""
        throttles = self._delayed.throttles
        throttles.ended(request.meta[LINE].id, self._loop.time(), origin_of(request.url))

    def _record_limit(
        self, request: Request, slot: Slot, outcome: Outcome, told: Told | None, now: float
    ) -> tuple[Outcome, Verdict | None]:
        """Record what a response *told*: `Throttles.note`."""
        origin, meta = origin_of(request.url) or "", request.meta
        first_sent = meta.get(FIRST_SENT, slot.since)
        refusals = meta.get(UNCOUNTED, 0)
        sent = Sent(meta[LINE].id, slot.since, slot.in_flight, refusals, first_sent)
        noted = self._delayed.throttles.note(origin, sent, outcome, told, now)
        if told is not None:
            self._requeue(slot.host)
            self._look_ahead.wake(slot.host, origin)
        return noted

    def _requeue(self, host: str) -> None:
        """Queue the requests of *host* again, which may have to wait now."""
        for queued in self._hosts.take_all(host):
            line, origin = queued.meta[LINE].id, origin_of(queued.url)
            self._delayed.throttles.ended(line, self._loop.time(), origin)
            self._queue(queued)

    def _record_connection(self, request: Request, now: float, *, unreachable: bool) -> None:
        origin = origin_of(request.url) or ""
        transition = self._delayed.note(origin, request.meta[LINE], now, failed=unreachable)
        if transition is Transition.NONE and not unreachable:
            return
        host = self._host_of(request)
        if transition is Transition.OPEN:
            self._requeue(host)
        if transition is not Transition.NONE:
            self._look_ahead.wake(host, origin)
        if unreachable:
            self._timer.set()

    def _host_of(self, request: Request) -> str:
        host: str = self.crawler.engine.downloader.get_slot_key(request)
        return host

    def _queue(self, request: Request) -> None:
        redirected = bool(request.meta.get("redirect_times"))  # redirects go first
        if self._delayed.has_failing_hosts and not self._may_send(request, redirected=redirected):
            return
        self._hosts.add(self._host_of(request), request, first=redirected)

    def _may_send(self, request: Request, *, redirected: bool) -> bool:
        """Return whether *request* may be sent; else its line waits for its host, or fails."""
        origin, line, now = origin_of(request.url) or "", request.meta[LINE], self._loop.time()
        throttles = self._delayed.throttles
        match throttles.admit(origin, line.id, now):
            case Admission.WAIT:
                # The target of a redirect waits as a line, which is small. That starts at its
                # first URL, so it would never get past two URLs of one origin.
                passed = map(origin_of, request.meta.get("redirect_urls", ()))
                kept = request if origin in passed else None
                self._delayed.add_throttled(origin, line, *_history(request), now=now, request=kept)
                return False
            case Admission.FAIL:
                self._undownloaded.append(give_up(request, HostPaused()))
                return False
        # The target of a redirect is not the host whose lines would wait.
        admission = Admission.SEND if redirected else self._delayed.admit(origin, line, now)
        if admission is Admission.SEND:
            return True
        throttles.ended(line.id, now)
        if admission is Admission.WAIT:
            self._delayed.add_blocked(origin, line, *_history(request))
        else:
            self._undownloaded.append(give_up(request, HostUnavailable()))
        return False

    def _take(self) -> Request | None:
        if self._undownloaded:
            return self._undownloaded.popleft()
        if self._duplicates:
            return self.context.requests.duplicate(*self._duplicates.popleft())
        return self._hosts.take(self._loop.time())

    def _queue_due(self) -> None:
        now = self._loop.time()
        while len(self) < self.lookahead:
            retry = self._delayed.take_due(now) or self._delayed.take_unblocked()
            if retry is None:
                return
            self._queue(self._request_of(retry))

    def _request_of(self, retry: Retry) -> Request:
        if retry.request is not None:
            return retry.request
        sent: dict[str, float] = {} if retry.first_sent is None else {FIRST_SENT: retry.first_sent}
        if retry.uncounted:
            sent[UNCOUNTED] = retry.uncounted
        request = self.context.requests.download(retry.line, retry_times=retry.retry_times, **sent)
        self._look_ahead.wake(self._host_of(request), origin_of(request.url))
        return request

    def _send_due(self) -> None:
        """Hand a due line to the engine, which then asks for the next request."""
        if self.crawler.engine.spider is not None:
            retry = self._delayed.take_due(self._loop.time() + CLOCK)
            if retry is not None:
                self.crawler.engine.crawl(self._request_of(retry))


def _history(request: Request) -> tuple[int, float | None, int]:
    """Return what is kept of a waiting request: its retries, when the first request of its line
    was sent, and its requests that are no retries."""
    meta = request.meta
    return meta.get("retry_times", 0), meta.get(FIRST_SENT), meta.get(UNCOUNTED, 0)
