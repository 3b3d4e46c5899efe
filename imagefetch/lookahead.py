"""Which line of the list is made ready next, so that a host's many lines hide no other host.

Up to LOOKAHEAD lines are read before they are needed. Beyond that the list is
read on only while there is a place that no line known so far may take. A line
whose host has enough is kept back until it hasn't.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

from imagefetch.backlog import BACKLOG_MAX, Backlog
from imagefetch.hosts import Hosts
from imagefetch.urls import Line, site_of
from imagefetch.waiting import WAITING_MAX, Waiting

# Lines that are read one after the other before others have their turn: a millisecond.
AT_A_TIME = 250


class LookAhead:
    """Stands between the list and what is ready."""

    def __init__(
        self, hosts: Hosts, waiting: Waiting, ready: Callable[[], int], lookahead: int
    ) -> None:
        """*ready*: how many lines can go on now; *lookahead*: how many at most are to."""
        self.hosts = hosts
        self.waiting = waiting
        self.ready = ready
        self.lookahead = lookahead
        self.place_is_free = False
        """Whether no line known so far may take it."""
        self._backlog = Backlog()
        self._sites: defaultdict[str, set[str]] = defaultdict(set)  # in the backlog, by host
        self._wanted: dict[str, None] = {}  # of these, those whose host may not have enough
        self._changed = asyncio.Event()

    def close(self) -> None:
        self._backlog.close()

    def kept_back(self, site: str) -> int:
        """Return how many lines of *site* are kept back."""
        return self._backlog.count(site)

    def kept_back_of(self, host: str) -> int:
        """Return how many lines of *host* are, as the downloader names it."""
        return sum(map(self._backlog.count, self._sites.get(host, ())))

    def wake(self, host: str | None = None) -> None:
        """Look again: something has changed, of *host* perhaps."""
        if host is not None and host in self._sites:
            self._wanted.update(dict.fromkeys(self._sites[host]))
        self._changed.set()

    async def lines(self, lines: Iterator[Line]) -> AsyncIterator[Line]:
        """Yield *lines*, each once, when it is time."""
        more, skipped = True, 0
        while more or self._backlog:
            if self.ready() < self.lookahead and len(self.waiting) < WAITING_MAX:
                if (wanted := self._take_wanted()) is not None:
                    self.place_is_free = False
                    yield wanted
                    continue
                if more and self._may_read():
                    line = next(lines, None)
                    more = line is not None
                    if line is not None and not self._keep_back(line):
                        self.place_is_free = False
                        yield line
                    elif (skipped := skipped + 1) % AT_A_TIME == 0:
                        await asyncio.sleep(0)
                    continue
            self._changed.clear()
            await self._changed.wait()

    def _may_read(self) -> bool:
        kept = len(self._backlog)
        return self.ready() + kept < self.lookahead or (self.place_is_free and kept < BACKLOG_MAX)

    def _keep_back(self, line: Line) -> bool:
        """Whether *line* is none to be made ready now, and was kept."""
        site = site_of(line.text)
        if site is None:
            return False
        if site not in self._backlog:
            host = host_of(site)
            if not self._has_enough(site, host):
                return False
            self._sites[host].add(site)
        self._backlog.put(site, line)
        return True

    def _take_wanted(self) -> Line | None:
        while self._wanted:
            site = next(iter(self._wanted))
            del self._wanted[site]
            host = host_of(site)
            if site not in self._backlog or self._has_enough(site, host):
                continue
            line = self._backlog.take(site)
            if site in self._backlog:
                self._wanted[site] = None  # sites take turns
            else:
                self._sites[host].remove(site)
                if not self._sites[host]:
                    del self._sites[host]
            return line
        return None

    def _has_enough(self, site: str, host: str) -> bool:
        if self.waiting.knows_trouble and self.waiting.holds(site):
            return self.waiting.has_parked(site)  # one is enough to probe it with
        return self.hosts.has_enough(host)


def host_of(site: str) -> str:
    """Return a site's host as the downloader names it."""
    name = site.partition("://")[2]
    if "[" in name or name != name.lower():
        return urlsplit(site).hostname or ""
    return name.partition(":")[0]
