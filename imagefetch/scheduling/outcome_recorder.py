"""Passes the outcomes of requests to the limits, rate limits and circuit breakers of hosts."""

from __future__ import annotations

import asyncio

from scrapy import Request

from imagefetch.meta import FAILURE, FIRST_SENT, KEY, LINE, UNCOUNTED
from imagefetch.scheduling.circuit_breakers.circuit_breaker import Transition
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.due_timer import DueTimer
from imagefetch.scheduling.host_queues import Slot
from imagefetch.scheduling.prefetch import Prefetcher
from imagefetch.scheduling.rate_limits.refusals import RateLimitHint, SentRequest, Verdict
from imagefetch.scheduling.request_queue import RequestQueue
from imagefetch.urls import origin_of


class OutcomeRecorder:
    """Records outcomes, and queues requests again that may have to wait after one."""

    def __init__(
        self,
        queue: RequestQueue,
        limits: HostLimits,
        prefetcher: Prefetcher,
        timer: DueTimer,
    ) -> None:
        self._queue = queue
        self._hosts = queue.hosts
        self._delayed = queue.delayed
        self._limits = limits
        self._prefetcher = prefetcher
        self._timer = timer

    def record(
        self,
        request: Request,
        outcome: Outcome,
        told: RateLimitHint | None = None,
        *,
        unreachable: bool,
    ) -> Verdict | None:
        """Record the outcome of *request*.

        *told*: what its headers say about further requests; *unreachable*: whether no connection
        could be made. Return what happens to the line, if that is not up to its retries.
        """
        now, verdict = asyncio.get_running_loop().time(), None
        if (slot := self._hosts.slot_of(request)) is not None:
            if (told is not None or self._delayed.throttles) and LINE in request.meta:
                outcome, verdict = self._record_limit(request, slot, outcome, told, now)
            latency = request.meta.get("download_latency", 0.0)
            busy = self._hosts.is_full(slot.host)
            self._limits.note(slot.host, outcome, slot.since, now, latency, busy=busy)
            self._hosts.ended(request)
        # The target of a redirect is not the host whose lines would wait.
        if KEY in request.meta and not request.meta.keys() & {FAILURE, "redirect_times"}:
            self._record_connection(request, now, unreachable=unreachable)
            if unreachable:
                return self._delayed.verdict(origin_of(request.url) or "")
        return verdict

    def record_told(self, request: Request, told: RateLimitHint) -> Verdict | None:
        """Record what the response for a file of its origin, which *request* waits for, *told* of
        further requests. Return what happens to the line if the host refused."""
        if (slot := self._hosts.slot_of(request)) is None:
            return None
        now = asyncio.get_running_loop().time()
        return self._record_limit(request, slot, Outcome.OTHER, told, now)[1]

    def _record_limit(
        self, request: Request, slot: Slot, outcome: Outcome, told: RateLimitHint | None, now: float
    ) -> tuple[Outcome, Verdict | None]:
        """Record the rate limit that a response announced: `Throttles.note`."""
        origin, meta = origin_of(request.url) or "", request.meta
        first_sent = meta.get(FIRST_SENT, slot.since)
        refusals = meta.get(UNCOUNTED, 0)
        sent = SentRequest(meta[LINE].id, slot.since, slot.in_flight, refusals, first_sent)
        noted = self._delayed.throttles.note(origin, sent, outcome, told, now)
        if told is not None:
            self._queue.requeue(slot.host)
            self._prefetcher.wake(slot.host, origin)
        return noted

    def _record_connection(self, request: Request, now: float, *, unreachable: bool) -> None:
        origin = origin_of(request.url) or ""
        transition = self._delayed.note(origin, request.meta[LINE], now, failed=unreachable)
        if transition is Transition.NONE and not unreachable:
            return
        host = self._queue.host_of(request)
        if transition is Transition.OPEN:
            self._queue.requeue(host)
        if transition is not Transition.NONE:
            self._prefetcher.wake(host, origin)
        if unreachable:
            self._timer.set()
