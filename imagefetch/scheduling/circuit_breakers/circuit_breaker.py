"""Implements circuit breakers for hosts that can't be connected to.

After a number of failed connections in a row, a host's circuit breaker opens: its lines wait.
After a pause, one line is sent as a probe (half-open); pauses double while probes fail. A host
that was connected to before is given up when it has been silent for a time, any other after as
many failed probes as a line has retries: its lines fail at once. Probes continue, and the first
one that succeeds closes the circuit breaker.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Generic

from imagefetch.scheduling.circuit_breakers.breaker_state import Change, Host
from imagefetch.scheduling.circuit_breakers.entries import Entry
from imagefetch.scheduling.circuit_breakers.waiting_hosts import WaitingHost
from imagefetch.urls import Line

# Hosts without waiting lines that are kept, at about 500 bytes each. Beyond that, the least
# recently used are removed, even if their circuit breaker is open.
HOSTS = 10_000


class Breakers(Generic[Entry]):
    """A circuit breaker for each host with failed connections."""

    def __init__(
        self, failures: int, probes: int, pause: float, max_pause: float, patience: float = 0
    ) -> None:
        """*failures*: failed connections in a row that open a circuit breaker, 0 for never;
        *probes*: failed probes after which a host is given up, unless it was connected to
        before: then after *patience*, seconds; *pause*: seconds until the first probe, doubled
        after each failure, up to *max_pause*."""
        self.failures = failures
        self.probes = probes
        self.pause = pause
        self.max_pause = max_pause
        self.patience = patience
        self.waiting = 0
        """Number of waiting entries."""
        self._probing: dict[int, str] = {}  # host by number of the line that probes it
        self._hosts: dict[str, Host[Entry]] = {}
        self._reached: dict[str, None] = {}  # hosts that were connected to, oldest first
        self._idle: dict[str, None] = {}  # idle ones of _hosts, least recently used first
        # A heap of the hosts with waiting entries. Whether a host still needs a probe is checked
        # when it is due.
        self._due: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        """Return whether any host has failed connections."""
        return bool(self._hosts)

    def admit(self, key: str, line: Line, now: float) -> Change:
        """Decide on a request for *line* to the host *key*: NONE if it may be sent, possibly as
        a probe; OPEN if it must wait; GIVEN_UP if it must fail."""
        host = self._hosts.get(key)
        if host is None or not host.is_open or host.probe == line.number:
            return Change.NONE
        if host.probe is None and now >= host.next_probe_at:
            self._begin_probe(key, host, line)
            return Change.NONE
        return Change.GIVEN_UP if host.given_up else Change.OPEN

    def add_waiting(self, key: str, entry: Entry) -> None:
        """Let *entry* wait for the host *key*, whose circuit breaker is open."""
        host = self._hosts[key]
        if host.waiting is None:
            host.waiting = deque()
            self._idle.pop(key, None)
            heapq.heappush(self._due, (host.next_probe_at, key))
        host.waiting.append(entry)
        self.waiting += 1

    def note(self, key: str, line: Line, now: float, *, failed: bool) -> Change:
        """Record the outcome of a request; *failed*: whether no connection could be made."""
        host = self._hosts.get(key)
        if not failed and key not in self._reached:
            self._reached[key] = None
            if len(self._reached) > HOSTS:
                del self._reached[next(iter(self._reached))]
        if host is None:
            if not (failed and self.failures):
                return Change.NONE
            host = self._hosts[key] = Host(silent_since=now, connected=key in self._reached)
        change = self._failed(key, host, line, now) if failed else self._connected(host)
        self._touch(key, host)
        return change

    def _connected(self, host: Host[Entry]) -> Change:
        self._end_probe(host)
        host.failures, host.connected = 0, True
        if not host.is_open:
            return Change.NONE
        host.is_open = host.given_up = False
        return Change.CLOSED

    def _failed(self, key: str, host: Host[Entry], line: Line, now: float) -> Change:
        if host.is_open:
            # If it is not the probe, it was sent before the circuit breaker opened.
            return self._probe_failed(key, host, now) if host.probe == line.number else Change.NONE
        if not host.failures:
            host.silent_since = now
        host.failures += 1
        if host.failures < self.failures:
            return Change.NONE
        host.is_open, host.failed_probes = True, 0
        self._pause(key, host, now)
        return Change.OPEN

    def ended(self, line: int, now: float) -> str | None:
        """Record that *line* is done. A probe that ended without a connection has failed.

        Return the host if it is given up by this, else None.
        """
        key = self._probing.get(line)
        if key is None:
            return None
        host = self._hosts[key]
        change = self._probe_failed(key, host, now)
        self._touch(key, host)
        return key if change is Change.GIVEN_UP else None

    def may_recover(self, key: str) -> bool:
        """Return whether the host *key* is waited for although it failed: it was connected to
        before, and is not given up."""
        host = self._hosts.get(key)
        return host is not None and host.connected and not host.given_up

    def is_blocked(self, key: str) -> bool:
        """Return whether the entries of the host *key* must wait."""
        host = self._hosts.get(key)
        return host is not None and host.is_open and not host.given_up

    def has_waiting(self, key: str) -> bool:
        """Return whether entries wait for the host *key*."""
        host = self._hosts.get(key)
        return host is not None and host.waiting is not None

    def take(self, key: str) -> Entry | None:
        """Remove and return the next entry that waits for the host *key*; None if there is none."""
        host = self._hosts.get(key)
        if host is None or host.waiting is None:
            return None
        self.waiting -= 1
        entry = host.waiting.popleft()
        if not host.waiting:
            host.waiting = None
            self._touch(key, host)
        return entry

    def take_probe(self, now: float) -> Entry | None:
        """Remove and return an entry to be sent as a probe now; None if no probe is due."""
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            host = self._hosts.get(key)
            if (
                host is None
                or not host.is_open
                or host.probe is not None
                or host.next_probe_at > now
            ):
                continue
            entry = self.take(key)
            if entry is not None:
                self._begin_probe(key, host, entry.line)
                return entry
        return None

    def open_hosts(self) -> Iterator[WaitingHost]:
        """Yield each host whose circuit breaker is open. Given-up hosts are omitted."""
        for key, host in self._hosts.items():
            if host.is_open and not host.given_up:
                given_up_at = host.silent_since + self.patience if host.connected else None
                waiting = len(host.waiting or ())
                yield WaitingHost(key, waiting, host.next_probe_at, given_up_at)

    def next_due(self) -> float | None:
        """Return the time of the next probe, seconds; None if no entry waits."""
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
        host.failed_probes += 1
        self._pause(key, host, now)
        if host.connected:
            in_vain = now - host.silent_since >= self.patience
        else:
            in_vain = host.failed_probes >= self.probes
        if not in_vain or host.given_up:
            return Change.NONE
        host.given_up = True
        return Change.GIVEN_UP

    def _pause(self, key: str, host: Host[Entry], now: float) -> None:
        host.next_probe_at = now + min(
            self.pause * 2.0 ** min(host.failed_probes, 64), self.max_pause
        )
        if host.waiting is not None:
            heapq.heappush(self._due, (host.next_probe_at, key))

    def _touch(self, key: str, host: Host[Entry]) -> None:
        """Mark *host* as most recently used; remove it if it recovered, or the oldest idle one."""
        self._idle.pop(key, None)
        if not host.is_idle:
            return
        if not (host.is_open or host.failures):
            del self._hosts[key]
            return
        self._idle[key] = None
        if len(self._idle) > HOSTS:
            oldest = next(iter(self._idle))
            del self._idle[oldest], self._hosts[oldest]
