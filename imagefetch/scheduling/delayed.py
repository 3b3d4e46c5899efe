"""Lines that wait: to be tried again, for their host, for the line whose duplicate they are."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scrapy.settings import BaseSettings

from imagefetch.scheduling.circuit_breaker import Breakers, Change
from imagefetch.urls import Line

# Lines that wait, at about 300 bytes each. With so many, the list is not read further.
WAITING_MAX = 100_000


class Retry(NamedTuple):
    """A line that waits to be sent: a tenth of the size of a `Request`."""

    due: float
    """Time of the event loop, seconds."""
    order: int
    """Breaks ties."""
    line: Line
    retry_times: int
    first_sent: float | None


class Waiting:
    """Settings: BREAKER_FAILURES, and as a host's patience RETRY_TIMES, RETRY_DELAY,
    RETRY_MAX_DELAY."""

    def __init__(self, settings: BaseSettings) -> None:
        self._breakers: Breakers[Retry] = Breakers(
            settings.getint("BREAKER_FAILURES"),
            max(1, settings.getint("RETRY_TIMES")),
            settings.getfloat("RETRY_DELAY"),
            settings.getfloat("RETRY_MAX_DELAY"),
        )
        self._retries: list[Retry] = []  # a heap
        self._last_retry = 0.0  # when the latest of them is due, of all there have been
        self._order = itertools.count()
        self._opened: deque[str] = deque()  # sites whose parked lines may go on, or end
        self._duplicates: dict[bytes, list[Line]] = {}  # of lines that are not done
        self._duplicate_count = 0

    def __len__(self) -> int:
        return len(self._retries) + self._breakers.waiting + self._duplicate_count

    @property
    def retries(self) -> int:
        """Lines that wait to be tried again."""
        return len(self._retries)

    @property
    def last_retry(self) -> float | None:
        """When the last of them is due, seconds; None if none waits."""
        return self._last_retry if self._retries else None

    def parked(self) -> Iterator[tuple[str, int, float]]:
        """Yield the hosts that are waited for: `Breakers.parked`."""
        return self._breakers.parked()

    def next_due(self) -> float | None:
        """Return when a line may be due, seconds."""
        due = [retry.due for retry in self._retries[:1]]
        if (probe := self._breakers.next_due()) is not None:
            due.append(probe)
        return min(due, default=None)

    def take_due(self, now: float) -> Retry | None:
        """Return a line that is to be tried again now, or to probe its host."""
        if self._retries and self._retries[0].due <= now:
            return heapq.heappop(self._retries)
        return self._breakers.take_probe(now)

    def take_opened(self) -> Retry | None:
        """Return a line whose host need not be waited for any more."""
        while self._opened:
            site = self._opened[0]
            retry = None if self._breakers.holds(site) else self._breakers.take(site)
            if retry is not None:
                return retry
            self._opened.popleft()
        return None

    # --- To be tried again

    def add_retry(self, line: Line, due: float, times: int, first_sent: float | None) -> bool:
        """Let *line* wait until *due*; return whether no other is due before."""
        retry = Retry(due, next(self._order), line, times, first_sent)
        heapq.heappush(self._retries, retry)
        self._last_retry = max(self._last_retry, due)
        return self._retries[0] is retry

    # --- For their host

    @property
    def knows_trouble(self) -> bool:
        """Whether there is a host of which a connection failed."""
        return bool(self._breakers)

    def admit(self, site: str, line: Line, now: float) -> Change:
        """Say what becomes of *line*: `Breakers.admit`."""
        return self._breakers.admit(site, line, now)

    def park(self, site: str, line: Line, times: int, first_sent: float | None) -> None:
        """Let *line* wait for *site*."""
        self._breakers.park(site, Retry(0, next(self._order), line, times, first_sent))

    def note(self, site: str, line: Line, now: float, *, failed: bool) -> Change:
        """Take in what came of a request: `Breakers.note`."""
        change = self._breakers.note(site, line, now, failed=failed)
        if change in {Change.OPENED, Change.GIVEN_UP}:
            self._opened.append(site)
        return change

    def ended(self, line: int, now: float) -> None:
        """Note that *line* has its row."""
        if site := self._breakers.ended(line, now):
            self._opened.append(site)

    def holds(self, site: str) -> bool:
        """Whether lines of *site* must wait."""
        return self._breakers.holds(site)

    def has_parked(self, site: str) -> bool:
        """Whether lines wait for *site*."""
        return self._breakers.has_waiting(site)

    # --- For another line

    def add_duplicate(self, key: bytes, line: Line) -> None:
        self._duplicates.setdefault(key, []).append(line)
        self._duplicate_count += 1

    def take_duplicates(self, key: bytes) -> Iterable[Line]:
        """Return the lines that wait for the one with *key*."""
        lines = self._duplicates.pop(key, [])
        self._duplicate_count -= len(lines)
        return lines
