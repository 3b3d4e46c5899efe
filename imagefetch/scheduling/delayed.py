"""Holds lines that wait: for a retry, for a blocked host, or for the line they duplicate."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scrapy import Request
from scrapy.settings import BaseSettings

from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.circuit_breaker import BreakerPolicy, Transition
from imagefetch.scheduling.circuit_breakers.host_breakers import HostBreakers
from imagefetch.scheduling.circuit_breakers.waiting_hosts import WaitingHost
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.rate_limits.pause_policy import LINE_WAITS
from imagefetch.scheduling.rate_limits.refusals import Verdict
from imagefetch.scheduling.rate_limits.throttles import Throttles
from imagefetch.urls import host_of

# Waiting lines, at about 300 bytes each, at which reading the list pauses.
WAITING_MAX = 100_000


class WaitingLine(NamedTuple):
    """A line that waits to be sent. It takes a tenth of the memory of a `Request`."""

    due: float
    """Time of the event loop, seconds."""
    order: int
    """Breaks ties."""
    line: Line
    retry_times: int
    first_sent: float | None
    uncounted: int = 0
    """Requests sent for it that are not in `retry_times`, since its host told it to wait."""
    request: Request | None = None
    """The request to send; None: the one for the line."""


class DelayedLines:
    """All lines that wait.

    Settings: BREAKER_FAILURES and BREAKER_PATIENCE; for the probes of a host RETRY_TIMES,
    RETRY_DELAY and RETRY_MAX_DELAY; those of `Throttles`.
    """

    def __init__(self, settings: BaseSettings, limits: HostLimits) -> None:
        policy = BreakerPolicy(
            settings.getint("BREAKER_FAILURES"),
            max(1, settings.getint("RETRY_TIMES")),
            settings.getfloat("RETRY_DELAY"),
            settings.getfloat("RETRY_MAX_DELAY"),
            settings.getfloat("BREAKER_PATIENCE"),
        )
        self._breakers: HostBreakers[WaitingLine] = HostBreakers(policy)
        self.throttles: Throttles[WaitingLine] = Throttles(
            settings,
            lambda origin: limits.limit(host_of(origin)),
            lambda origin, sent: limits.history(host_of(origin), sent),
        )
        limits.rates = lambda: {host_of(name): rate for name, _, rate in self.throttles.rates()}
        limits.ceilings = lambda: {host_of(name): n for name, n in self.throttles.ceilings()}
        self._retries: list[WaitingLine] = []  # a heap
        self._last_retry = 0.0  # the latest due time so far
        self._order = itertools.count()
        self._unblocked: deque[str] = deque()  # origins whose lines may be sent or fail
        self._duplicates: dict[bytes, list[Line]] = {}  # by key of an unfinished line
        self._duplicate_count = 0

    def __len__(self) -> int:
        held = self._breakers.waiting + self.throttles.waiting
        return len(self._retries) + held + self._duplicate_count

    @property
    def retries(self) -> int:
        """Number of lines that wait for a retry."""
        return len(self._retries)

    @property
    def last_retry(self) -> float | None:
        """Time at which the last retry is due, seconds; None if no line waits for a retry."""
        return self._last_retry if self._retries else None

    def open_hosts(self) -> Iterator[WaitingHost]:
        """Yield the origins whose circuit breaker is open: `HostBreakers.open_hosts`."""
        return self._breakers.open_hosts()

    def next_due(self) -> float | None:
        """Return the time at which the next retry or probe may be due, seconds."""
        due = [retry.due for retry in self._retries[:1]]
        for held in (self._breakers, self.throttles):
            if (held_until := held.next_due()) is not None:
                due.append(held_until)
        return min(due, default=None)

    def take_due(self, now: float) -> WaitingLine | None:
        """Remove and return a line whose retry, or whose turn at its host, is due."""
        if self._retries and self._retries[0].due <= now:
            return heapq.heappop(self._retries)
        return self.throttles.take_due(now) or self._breakers.take_probe(now)

    def take_unblocked(self) -> WaitingLine | None:
        """Remove and return a line whose host does not block it any more."""
        while self._unblocked:
            origin = self._unblocked[0]
            retry = None if self._breakers.is_blocked(origin) else self._breakers.take(origin)
            if retry is not None:
                return retry
            self._unblocked.popleft()
        return None

    # --- Retries

    def add_retry(
        self, line: Line, due: float, times: int, first_sent: float | None, uncounted: int = 0
    ) -> bool:
        """Let *line* wait until *due*; return whether it is the next retry due."""
        retry = WaitingLine(due, next(self._order), line, times, first_sent, uncounted)
        heapq.heappush(self._retries, retry)
        self._last_retry = max(self._last_retry, due)
        return self._retries[0] is retry

    # --- Throttled and blocked hosts

    def add_throttled(
        self,
        origin: str,
        line: Line,
        times: int,
        first_sent: float | None,
        uncounted: int = 0,
        *,
        now: float,
        request: Request | None = None,
    ) -> None:
        """Let *line* wait for *origin*, which limits requests.

        *request*: as in `WaitingLine`. A line that has one, or was refused once or twice, goes
        first.
        """
        retry = WaitingLine(0, next(self._order), line, times, first_sent, uncounted, request)
        first = request is not None or 0 < uncounted < LINE_WAITS
        self.throttles.add(origin, retry, first=first, now=now)

    @property
    def has_failing_hosts(self) -> bool:
        """Whether lines of any host may have to wait for it."""
        return bool(self._breakers) or bool(self.throttles)

    def admit(self, origin: str, line: Line, now: float) -> Admission:
        """Decide whether *line* may be sent: `HostBreakers.admit`."""
        return self._breakers.admit(origin, line, now)

    def add_blocked(
        self, origin: str, line: Line, times: int, first_sent: float | None, uncounted: int = 0
    ) -> None:
        """Let *line* wait for *origin*, whose circuit breaker is open."""
        retry = WaitingLine(0, next(self._order), line, times, first_sent, uncounted)
        self._breakers.add_waiting(origin, retry)

    def note(self, origin: str, line: Line, now: float, *, failed: bool) -> Transition:
        """Record the outcome of a request: `HostBreakers.note`."""
        transition = self._breakers.note(origin, line, now, failed=failed)
        if transition in {Transition.CLOSED, Transition.GIVEN_UP}:
            self._unblocked.append(origin)
        return transition

    def ended(self, line: int, now: float) -> None:
        """Record that the row of *line* was written."""
        self.throttles.ended(line, now)
        if origin := self._breakers.ended(line, now):
            self._unblocked.append(origin)

    def verdict(self, origin: str) -> Verdict | None:
        """Return what happens to a line of *origin*, which could not be connected to; None if
        that costs it a try."""
        if not self._breakers.may_recover(origin):
            return None
        return Verdict.WAIT if self._breakers.is_blocked(origin) else Verdict.WAIT_ALONE

    def is_blocked(self, origin: str) -> bool:
        """Return whether lines of *origin* must wait."""
        return self._breakers.is_blocked(origin) or self.throttles.is_limiting(origin)

    def has_blocked(self, origin: str) -> bool:
        """Return whether enough lines wait for *origin*, which blocks them."""
        if self._breakers.is_blocked(origin):
            return self._breakers.has_waiting(origin)
        return self.throttles.has_enough(origin)

    # --- Duplicates

    def add_duplicate(self, key: bytes, line: Line) -> None:
        """Let *line* wait for the unfinished line with *key*."""
        self._duplicates.setdefault(key, []).append(line)
        self._duplicate_count += 1

    def take_duplicates(self, key: bytes) -> Iterable[Line]:
        """Remove and return the lines that wait for the line with *key*."""
        lines = self._duplicates.pop(key, [])
        self._duplicate_count -= len(lines)
        return lines
