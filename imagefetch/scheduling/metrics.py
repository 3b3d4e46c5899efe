"""Counts the lines that the scheduler holds back, and estimates how long they wait."""

from __future__ import annotations

import asyncio

from imagefetch.scheduling.circuit_breakers.waiting_hosts import PAUSED, UNREACHABLE, BlockedLines
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.delayed import DelayedLines
from imagefetch.scheduling.host_queues import HostQueues
from imagefetch.scheduling.prefetch import Prefetcher


class SchedulerMetrics:
    """What progress and statistics show of the scheduler."""

    def __init__(
        self, hosts: HostQueues, delayed: DelayedLines, prefetcher: Prefetcher, limits: HostLimits
    ) -> None:
        self._hosts = hosts
        self._delayed = delayed
        self._prefetcher = prefetcher
        self._limits = limits

    @property
    def waiting(self) -> int:
        """Number of lines that wait: for a retry, for a blocked host, or as a duplicate."""
        return len(self._delayed)

    @property
    def retrying(self) -> int:
        """Number of lines that wait for a retry."""
        return self._delayed.retries

    def blocked(self) -> BlockedLines | None:
        """Return the figures of lines that wait for unreachable hosts; None if there are none."""
        now, backlog = asyncio.get_running_loop().time(), self._prefetcher.backlog_of_origin
        return BlockedLines.of(self._delayed.open_hosts(), backlog, now, UNREACHABLE)

    def paused(self) -> BlockedLines | None:
        """Return the figures of lines that wait for hosts in a pause; None if there are none."""
        now, backlog = asyncio.get_running_loop().time(), self._prefetcher.backlog_of_origin
        return BlockedLines.of(self._delayed.throttles.paused(now), backlog, now, PAUSED)

    def least_left(self) -> float:
        """Return a lower bound of the remaining seconds: until the last retry is due, and until the
        last request to a host with a rate limit or a delay may be sent."""
        last = self._delayed.last_retry
        now = asyncio.get_running_loop().time()
        retries = 0.0 if last is None else max(0.0, last - now)
        rates = (
            (waiting + self._prefetcher.backlog_of_origin(origin)) / rate
            for origin, waiting, rate in self._delayed.throttles.rates()
        )
        retries = max(retries, max(rates, default=0.0))
        if not (self._limits.delay or self._limits.slots):
            return retries
        delays = (
            (waiting + self._prefetcher.backlog_of_host(host)) * self._limits.delay_of(host)
            for host, waiting in self._hosts.queues()
        )
        return max(retries, max(delays, default=0.0))
