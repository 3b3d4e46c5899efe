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

from imagefetch.line import Line
from imagefetch.scheduling.backlog import BACKLOG_MAX, Backlog
from imagefetch.scheduling.delayed import WAITING_MAX, DelayedLines
from imagefetch.scheduling.host_queues import HostQueues
from imagefetch.urls import origin_of

# Lines read before control returns to the event loop: about a millisecond.
AT_A_TIME = 250

# Lines that `Prefetcher.pull` yields for one request that is sent.
PULLED = 2


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
        self._lines: Iterator[Line] = iter(())
        self._more = False
        """Whether there may be more lines to read."""
        self._is_cut_short = False
        """Whether `_take` has ended only to let other code run."""
        self._error: Exception | None = None

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
        self.mark(host, origin)
        self._changed.set()

    def mark(self, host: str | None, origin: str | None = None) -> None:
        """Note for the next check that *host* or its *origin* may need more lines."""
        if host is not None:
            if origin in self._aside:
                self._aside.remove(origin)
                self._add_origin(host, origin, first=True)
            if host in self._origins:
                self._wanted[host] = None

    async def lines(self, lines: Iterator[Line]) -> AsyncIterator[Line]:
        """Yield each of *lines* once, when its host needs it, except those that `pull` yields."""
        self._lines, self._more = lines, True
        while self._more or self._backlog or self._error:
            if self._error is not None:
                raise self._error
            if (line := self._take()) is not None:
                yield line
            elif self._is_cut_short:
                await asyncio.sleep(0)
            else:
                self._changed.clear()
                await self._changed.wait()

    def pull(self) -> Iterator[Line]:
        """Yield the next lines that `lines` would yield, at most `PULLED`: here, they need no turn
        of the event loop. `lines` goes on where this ends, and raises the errors of reading."""
        try:
            for _ in range(PULLED):
                if (line := self._take()) is None:
                    break
                yield line
            else:
                self._changed.set()
        except Exception as error:  # raised by `lines`
            self.fail(error)
        if self._is_cut_short or not (self._more or self._backlog):
            self._changed.set()

    def fail(self, error: Exception) -> None:
        """Let `lines` raise *error*."""
        self._error = error
        self._changed.set()

    def _take(self) -> Line | None:
        """Return the next line that its host needs; None if no more are needed, if all are read, or
        after `AT_A_TIME` lines that no host needs yet."""
        self._is_cut_short = False
        for _ in range(AT_A_TIME):
            if self.ready() >= self.lookahead or len(self.waiting) >= WAITING_MAX:
                return None
            if (wanted := self._take_wanted()) is not None:
                self.slot_is_free = False
                return wanted
            if not (self._more and self._may_read()):
                return None
            line = next(self._lines, None)
            self._more = line is not None
            if line is not None and not self._add_to_backlog(line):
                self.slot_is_free = False
                return line
        self._is_cut_short = True
        return None

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
