"""Hosts that can't be connected to: parked, asked again by one request at a time, given up.

A host whose connections fail again and again is parked: its lines wait. After a
pause, one of them is a probe; as long as probes fail, pauses grow. A host is
given the patience that a line is: after as many probes it is given up, and its
lines end at once; yet probes go on, and the first that succeeds opens it again.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, NamedTuple, Protocol, TypeVar

from imagefetch.urls import Line
from imagefetch.utils.formatting import duration, lines

# Hosts that are remembered although nothing waits for them, at about 500 bytes each; beyond
# that, those of which nothing was heard for the longest time are forgotten, parked ones too.
HOSTS = 10_000


class Waiting(Protocol):
    """What waits for a host."""

    @property
    def line(self) -> Line: ...


Entry = TypeVar("Entry", bound=Waiting)


class Change(Enum):
    """What an outcome made of a host."""

    NONE = auto()
    PARKED = auto()
    GIVEN_UP = auto()
    OPENED = auto()


@dataclass(slots=True)
class Host(Generic[Entry]):
    """One that failed at least once since it last answered."""

    failures: int = 0
    """Connections in a row."""
    parked: bool = False
    given_up: bool = False
    probes: int = 0
    """That failed since it was parked."""
    probe: int | None = None
    """Line of the one under way."""
    until: float = 0.0
    """When the next may be sent, seconds."""
    waiting: deque[Entry] | None = None
    """None instead of an empty one, which takes more than all the rest."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing but memory is lost when it is forgotten."""
        return self.waiting is None and self.probe is None


class Breakers(Generic[Entry]):
    """One for each host in trouble."""

    def __init__(self, failures: int, probes: int, pause: float, max_pause: float) -> None:
        """*failures* in a row park a host, 0: never; *probes* that fail let it be given up;
        *pause*: seconds until the first of them, doubled each time, up to *max_pause*."""
        self.failures = failures
        self.probes = probes
        self.pause = pause
        self.max_pause = max_pause
        self.waiting = 0
        """Entries parked."""
        self._probing: dict[int, str] = {}  # hosts by the line that probes them
        self._hosts: dict[str, Host[Entry]] = {}
        self._idle: dict[str, None] = {}  # of these; the one longest unheard of first
        # A heap. A host stands in it while entries wait for it; when it is due, what else has
        # become of it is looked at.
        self._due: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        """Whether any host is in trouble."""
        return bool(self._hosts)

    def admit(self, key: str, line: Line, now: float) -> Change:
        """Say what becomes of a request for *line* to the host *key*: NONE if it may be sent,
        as a probe perhaps; PARKED if it is to wait, GIVEN_UP if it is to end."""
        host = self._hosts.get(key)
        if host is None or not host.parked or host.probe == line.number:
            return Change.NONE
        if host.probe is None and now >= host.until:
            self._begin_probe(key, host, line)
            return Change.NONE
        return Change.GIVEN_UP if host.given_up else Change.PARKED

    def park(self, key: str, entry: Entry) -> None:
        """Let *entry* wait for the host *key*, which is parked."""
        host = self._hosts[key]
        if host.waiting is None:
            host.waiting = deque()
            self._idle.pop(key, None)
            heapq.heappush(self._due, (host.until, key))
        host.waiting.append(entry)
        self.waiting += 1

    def note(self, key: str, line: Line, now: float, *, failed: bool) -> Change:
        """Take in what came of a request: whether no connection could be made."""
        host = self._hosts.get(key)
        if host is None:
            if not (failed and self.failures):
                return Change.NONE
            host = self._hosts[key] = Host()
        change = self._failed(key, host, line, now) if failed else self._answered(host)
        self._settle(key, host)
        return change

    def _answered(self, host: Host[Entry]) -> Change:
        self._end_probe(host)
        host.failures = 0
        if not host.parked:
            return Change.NONE
        host.parked = host.given_up = False
        return Change.OPENED

    def _failed(self, key: str, host: Host[Entry], line: Line, now: float) -> Change:
        if host.parked:
            # If it is not the probe, it has been under way since before.
            return self._probe_failed(key, host, now) if host.probe == line.number else Change.NONE
        host.failures += 1
        if host.failures < self.failures:
            return Change.NONE
        host.parked, host.probes = True, 0
        self._pause(key, host, now)
        return Change.PARKED

    def ended(self, line: int, now: float) -> str | None:
        """Note that *line* is done: a probe that came to nothing before it came to its host,
        has failed. Return the host, if that is now given up."""
        key = self._probing.get(line)
        if key is None:
            return None
        host = self._hosts[key]
        change = self._probe_failed(key, host, now)
        self._settle(key, host)
        return key if change is Change.GIVEN_UP else None

    def holds(self, key: str) -> bool:
        """Whether what waits for the host *key* must go on waiting."""
        host = self._hosts.get(key)
        return host is not None and host.parked and not host.given_up

    def has_waiting(self, key: str) -> bool:
        """Whether anything waits for the host *key*."""
        host = self._hosts.get(key)
        return host is not None and host.waiting is not None

    def take(self, key: str) -> Entry | None:
        """Return the next entry that waits for the host *key*; None if there is none."""
        host = self._hosts.get(key)
        if host is None or host.waiting is None:
            return None
        self.waiting -= 1
        entry = host.waiting.popleft()
        if not host.waiting:
            host.waiting = None
            self._settle(key, host)
        return entry

    def take_probe(self, now: float) -> Entry | None:
        """Return an entry that is to be sent as its host's probe now; None if none is."""
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            host = self._hosts.get(key)
            if host is None or not host.parked or host.probe is not None or host.until > now:
                continue
            entry = self.take(key)
            if entry is not None:
                self._begin_probe(key, host, entry.line)
                return entry
        return None

    def parked(self) -> Iterator[tuple[str, int, float]]:
        """Yield each host that is waited for: its key, how many entries wait, and when the next
        probe may be sent, seconds."""
        for key, host in self._hosts.items():
            if host.parked and not host.given_up:
                yield key, len(host.waiting or ()), host.until

    def next_due(self) -> float | None:
        """Return when the next probe may be sent, seconds."""
        return self._due[0][0] if self._due else None

    def _begin_probe(self, key: str, host: Host[Entry], line: Line) -> None:
        self._idle.pop(key, None)
        host.probe = line.number
        self._probing[line.number] = key

    def _end_probe(self, host: Host[Entry]) -> None:
        if host.probe is not None:
            del self._probing[host.probe]
            host.probe = None

    def _probe_failed(self, key: str, host: Host[Entry], now: float) -> Change:
        self._end_probe(host)
        host.probes += 1
        self._pause(key, host, now)
        if host.probes >= self.probes and not host.given_up:
            host.given_up = True
            return Change.GIVEN_UP
        return Change.NONE

    def _pause(self, key: str, host: Host[Entry], now: float) -> None:
        host.until = now + min(self.pause * 2.0 ** min(host.probes, 64), self.max_pause)
        if host.waiting is not None:
            heapq.heappush(self._due, (host.until, key))

    def _settle(self, key: str, host: Host[Entry]) -> None:
        """Note that something was heard of *host*; forget it, or another, if nothing is lost."""
        self._idle.pop(key, None)
        if not host.is_idle:
            return
        if not (host.parked or host.failures):
            del self._hosts[key]
            return
        self._idle[key] = None
        if len(self._idle) > HOSTS:
            oldest = next(iter(self._idle))
            del self._idle[oldest], self._hosts[oldest]


class Parked(NamedTuple):
    """Lines that wait for hosts that can't be connected to."""

    lines: int
    hosts: int
    next_try: float
    """Seconds until the first of these hosts is tried again."""
    last_try: float
    """Until the last of them is."""

    def __str__(self) -> str:
        hosts = "1 host" if self.hosts == 1 else f"{self.hosts:,} hosts"
        return (
            f"{lines(self.lines)} {'waits' if self.lines == 1 else 'wait'} for {hosts} that can't "
            f"be connected to, tried again in {duration(self.next_try)}"
        )
