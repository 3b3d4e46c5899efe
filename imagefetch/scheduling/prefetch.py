"""Which line of the list is made ready next, so that a host's many lines hide no other host.

Up to LOOKAHEAD lines are read before they are needed. Beyond that the list is
read on only while there is a place that no line known so far may take. A line
whose host has enough is kept back until it hasn't.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

from imagefetch.scheduling.backlog import BACKLOG_MAX, Backlog
from imagefetch.scheduling.delayed import WAITING_MAX, Waiting
from imagefetch.scheduling.host_queues import Hosts
from imagefetch.urls import Line, origin_of

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
        # In the backlog, by host, in the order of their turns; those that only a change of their
        # own can free are set aside.
        self._sites: dict[str, OrderedDict[str, None]] = {}
        self._aside: set[str] = set()
        self._wanted: dict[str, None] = {}  # hosts that may not have enough
        self._changed = asyncio.Event()

    def close(self) -> None:
        self._backlog.close()

    def kept_back(self, site: str) -> int:
        """Return how many lines of *site* are kept back."""
        return self._backlog.count(site)

    def kept_back_of(self, host: str) -> int:
        """Return how many lines of *host* are, as the downloader names it."""
        return sum(map(self._backlog.count, self._sites.get(host, ())))

    def wake(self, host: str | None = None, site: str | None = None) -> None:
        """Look again: something has changed, of *host* perhaps, or of its *site*."""
        if host is not None:
            if site in self._aside:
                self._aside.remove(site)
                self._add_site(host, site, first=True)
            if host in self._sites:
                self._wanted[host] = None
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
        site = origin_of(line.text)
        if site is None:
            return False
        if site not in self._backlog:
            host = host_of(site)
            if not self._has_enough(site, host):
                return False
            self._add_site(host, site)
        self._backlog.put(site, line)
        return True

    def _add_site(self, host: str, site: str, *, first: bool = False) -> None:
        sites = self._sites.setdefault(host, OrderedDict())
        sites[site] = None
        sites.move_to_end(site, last=not first)

    def _take_wanted(self) -> Line | None:
        while self._wanted:
            host = next(iter(self._wanted))
            del self._wanted[host]
            site = self._next_site(host)
            if site is None:
                continue
            line = self._backlog.take(site)
            if site in self._backlog:
                self._add_site(host, site)  # sites take turns
            if host in self._sites:
                self._wanted[host] = None  # and so do hosts
            return line
        return None

    def _next_site(self, host: str) -> str | None:
        """Return, and take out of its turn, a site of *host* that may have a line sent now; None
        if there is none."""
        sites = self._sites.get(host, OrderedDict())
        while sites:
            site = next(iter(sites))
            is_parked = self.waiting.knows_trouble and self.waiting.holds(site)
            if self._has_enough(site, host) and not is_parked:
                return None
            del sites[site]
            if not sites:
                del self._sites[host]
            if not self._has_enough(site, host):
                return site
            self._aside.add(site)
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
