"""Selects the next line of the list, so that one host's many lines don't delay other hosts.

Up to LOOKAHEAD lines are read ahead. Beyond that, reading continues only while a slot is free that
no line read so far may use, since their hosts' limits are reached. Lines of hosts that have enough
queued requests wait in the backlog.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

from imagefetch.scheduling.backlog import BACKLOG_MAX, Backlog
from imagefetch.scheduling.delayed import WAITING_MAX, DelayedLines
from imagefetch.scheduling.host_queues import HostQueues
from imagefetch.urls import Line, origin_of

# Lines read before control returns to the event loop: about a millisecond.
AT_A_TIME = 250


class Prefetcher:
    """Reads lines ahead and yields each when its host needs it."""

    def __init__(
        self, hosts: HostQueues, waiting: DelayedLines, ready: Callable[[], int], lookahead: int
    ) -> None:
        """*ready*: returns the number of lines ready to be sent; *lookahead*: its maximum."""
        self.hosts = hosts
        self.waiting = waiting
        self.ready = ready
        self.lookahead = lookahead
        self.slot_is_free = False
        """Whether there is a free slot that no line read so far may take."""
        self._backlog = Backlog()
        # Origins in the backlog by host, in round-robin order. Origins whose circuit breaker is
        # open and that need no more lines are in _aside until `wake` names them.
        self._origins: dict[str, OrderedDict[str, None]] = {}
        self._aside: set[str] = set()
        self._wanted: dict[str, None] = {}  # hosts that may need more lines
        self._changed = asyncio.Event()

    def close(self) -> None:
        self._backlog.close()

    def backlog_of_origin(self, origin: str) -> int:
        """Return the number of lines of *origin* in the backlog."""
        return self._backlog.count(origin)

    def backlog_of_host(self, host: str) -> int:
        """Return the number of lines of *host*, a downloader slot, in the backlog."""
        return sum(map(self._backlog.count, self._origins.get(host, ())))

    def wake(self, host: str | None = None, origin: str | None = None) -> None:
        """Check again which lines to yield, after a change, possibly of *host* or its *origin*."""
        if host is not None:
            if origin in self._aside:
                self._aside.remove(origin)
                self._add_origin(host, origin, first=True)
            if host in self._origins:
                self._wanted[host] = None
        self._changed.set()

    async def lines(self, lines: Iterator[Line]) -> AsyncIterator[Line]:
        """Yield each of *lines* once, when its host needs it."""
        more, skipped = True, 0
        while more or self._backlog:
            if self.ready() < self.lookahead and len(self.waiting) < WAITING_MAX:
                if (wanted := self._take_wanted()) is not None:
                    self.slot_is_free = False
                    yield wanted
                    continue
                if more and self._may_read():
                    line = next(lines, None)
                    more = line is not None
                    if line is not None and not self._add_to_backlog(line):
                        self.slot_is_free = False
                        yield line
                    elif (skipped := skipped + 1) % AT_A_TIME == 0:
                        await asyncio.sleep(0)
                    continue
            self._changed.clear()
            await self._changed.wait()

    def _may_read(self) -> bool:
        kept = len(self._backlog)
        return self.ready() + kept < self.lookahead or (self.slot_is_free and kept < BACKLOG_MAX)

    def _add_to_backlog(self, line: Line) -> bool:
        """Put *line* into the backlog if its host needs none now; return whether it did so."""
        origin = origin_of(line.url)
        if origin is None:
            return False
        if origin not in self._backlog:
            host = host_of(origin)
            if not self._has_enough(origin, host):
                return False
            self._add_origin(host, origin)
        self._backlog.put(origin, line)
        return True

    def _add_origin(self, host: str, origin: str, *, first: bool = False) -> None:
        origins = self._origins.setdefault(host, OrderedDict())
        origins[origin] = None
        origins.move_to_end(origin, last=not first)

    def _take_wanted(self) -> Line | None:
        while self._wanted:
            host = next(iter(self._wanted))
            del self._wanted[host]
            origin = self._next_origin(host)
            if origin is None:
                continue
            line = self._backlog.take(origin)
            if origin in self._backlog:
                self._add_origin(host, origin)  # round robin of origins
            if host in self._origins:
                self._wanted[host] = None  # round robin of hosts
            return line
        return None

    def _next_origin(self, host: str) -> str | None:
        """Remove from the round robin and return an origin of *host* that needs a line; None if
        there is none."""
        origins = self._origins.get(host, OrderedDict())
        while origins:
            origin = next(iter(origins))
            is_blocked = self.waiting.has_failing_hosts and self.waiting.is_blocked(origin)
            if self._has_enough(origin, host) and not is_blocked:
                return None
            del origins[origin]
            if not origins:
                del self._origins[host]
            if not self._has_enough(origin, host):
                return origin
            self._aside.add(origin)
        return None

    def _has_enough(self, origin: str, host: str) -> bool:
        if self.waiting.has_failing_hosts and self.waiting.is_blocked(origin):
            return self.waiting.has_blocked(origin)  # one line is enough for a probe
        return self.hosts.has_enough(host)


def host_of(origin: str) -> str:
    """Return the host of *origin*, as the downloader names its slot."""
    name = origin.partition("://")[2]
    if "[" in name or name != name.lower():
        return urlsplit(origin).hostname or ""
    return name.partition(":")[0]
