"""Holds the circuit breaker of each host with failed connections, and what waits for it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Generic

from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.circuit_breaker import (
    BreakerPolicy,
    CircuitBreaker,
    Transition,
)
from imagefetch.scheduling.circuit_breakers.waiting_hosts import WaitingHost
from imagefetch.scheduling.waiting_entry import Entry

# Hosts without waiting lines that are kept, at about 500 bytes each. Beyond that, the least
# recently used are removed, even if their circuit breaker is open.
HOSTS = 10_000


class HostBreakers(Generic[Entry]):
    """The circuit breakers of all hosts with failed connections."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self.policy = policy
        self.waiting = 0
        """Number of waiting entries."""
        self._probing: dict[int, str] = {}  # host by id of the line that probes it
        self._hosts: dict[str, CircuitBreaker[Entry]] = {}
        self._reached: dict[str, None] = {}  # hosts that were connected to, oldest first
        self._idle: dict[str, None] = {}  # idle ones of _hosts, least recently used first
        # A heap of the hosts with waiting entries. Whether a host still needs a probe is checked
        # when it is due.
        self._due: list[tuple[float, str]] = []

    def __bool__(self) -> bool:
        """Return whether any host has failed connections."""
        return bool(self._hosts)

    def admit(self, key: str, line: Line, now: float) -> Admission:
        """Decide on a request for *line* to the host *key*, which may be sent as a probe."""
        host = self._hosts.get(key)
        if host is None or not host.is_open or host.probe == line.id:
            return Admission.SEND
        if host.probe is None and now >= host.next_probe_at:
            self._begin_probe(key, host, line)
            return Admission.SEND
        return Admission.FAIL if host.given_up else Admission.WAIT

    def add_waiting(self, key: str, entry: Entry) -> None:
        """Let *entry* wait for the host *key*, whose circuit breaker is open."""
        host = self._hosts[key]
        if host.waiting is None:
            host.waiting = deque()
            self._idle.pop(key, None)
            heapq.heappush(self._due, (host.next_probe_at, key))
        host.waiting.append(entry)
        self.waiting += 1

    def note(self, key: str, line: Line, now: float, *, failed: bool) -> Transition:
        """Record the outcome of a request; *failed*: whether no connection could be made."""
        host = self._hosts.get(key)
        if not failed and key not in self._reached:
            self._reached[key] = None
            if len(self._reached) > HOSTS:
                del self._reached[next(iter(self._reached))]
        if host is None:
            if not (failed and self.policy.failures):
                return Transition.NONE
            host = CircuitBreaker(failing_since=now, was_connected=key in self._reached)
            self._hosts[key] = host
        if not failed:
            self._end_probe(host)
            transition = host.connected()
        elif not host.is_open:
            transition = host.failed(self.policy, now)
            if transition is Transition.OPEN:
                self._schedule_probe(key, host)
        elif host.probe == line.id:
            transition = self._probe_failed(key, host, now)
        else:  # it was sent before the circuit breaker opened
            transition = Transition.NONE
        self._touch(key, host)
        return transition

    def ended(self, line: int, now: float) -> str | None:
        """Record that *line* is done. A probe that ended without a connection has failed.

        Return the host if it is given up by this, else None.
        """
        key = self._probing.get(line)
        if key is None:
            return None
        host = self._hosts[key]
        transition = self._probe_failed(key, host, now)
        self._touch(key, host)
        return key if transition is Transition.GIVEN_UP else None

    def may_recover(self, key: str) -> bool:
        """Return whether the host *key* is waited for although it failed: it was connected to
        before, and is not given up."""
        host = self._hosts.get(key)
        return host is not None and host.was_connected and not host.given_up

    def is_blocked(self, key: str) -> bool:
        """Return whether the entries of the host *key* must wait."""
        host = self._hosts.get(key)
        return host is not None and host.is_blocking

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
            if host.is_blocking:
                given_up_at = None
                if host.was_connected:
                    given_up_at = host.failing_since + self.policy.patience
                waiting = len(host.waiting or ())
                yield WaitingHost(key, waiting, host.next_probe_at, given_up_at)

    def next_due(self) -> float | None:
        """Return the time of the next probe, seconds; None if no entry waits."""
        return self._due[0][0] if self._due else None

    def _begin_probe(self, key: str, host: CircuitBreaker[Entry], line: Line) -> None:
        self._idle.pop(key, None)
        host.probe = line.id
        self._probing[line.id] = key

    def _end_probe(self, host: CircuitBreaker[Entry]) -> None:
        if host.probe is not None:
            del self._probing[host.probe]
            host.probe = None

    def _probe_failed(self, key: str, host: CircuitBreaker[Entry], now: float) -> Transition:
        self._end_probe(host)
        transition = host.probe_failed(self.policy, now)
        self._schedule_probe(key, host)
        return transition

    def _schedule_probe(self, key: str, host: CircuitBreaker[Entry]) -> None:
        if host.waiting is not None:
            heapq.heappush(self._due, (host.next_probe_at, key))

    def _touch(self, key: str, host: CircuitBreaker[Entry]) -> None:
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
