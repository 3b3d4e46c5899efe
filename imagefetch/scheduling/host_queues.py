"""Queues requests per host and selects them round robin within per-host limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scrapy import Request


@dataclass(slots=True)
class HostQueue:
    """One host's queued requests, and the number of its requests in flight."""

    busy: int = 0
    in_turn: bool = False
    """Whether the host is in the round robin: only with a queued request and a free slot."""
    waiting: deque[Request] = field(default_factory=deque)


class Slot(NamedTuple):
    """The slot of a request in flight."""

    host: str
    since: float
    """Time of the event loop, seconds."""
    in_flight: int
    """Requests in flight to the host then, with this one."""


class HostQueues:
    """All hosts with requests queued or in flight, by the name of their downloader slot."""

    def __init__(self, limit: Callable[[str], int]) -> None:
        """*limit* returns the maximum number of requests in flight to a host."""
        self.limit = limit
        self.waiting = 0
        """Queued requests of all hosts."""
        self._hosts: dict[str, HostQueue] = {}
        self._turns: deque[str] = deque()
        self._slots: dict[Request, Slot] = {}
        self._ended: list[Request] = []

    @property
    def in_flight(self) -> int:
        return len(self._slots)

    def add(self, name: str, request: Request, *, first: bool = False) -> None:
        """Queue *request*, before all others of its host if *first*."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = HostQueue()
        if first:
            host.waiting.appendleft(request)
        else:
            host.waiting.append(request)
        self.waiting += 1
        self._give_turn(name, host)

    def take(self, now: float) -> Request | None:
        """Remove and return the next request that may be sent. It holds a slot from *now* on."""
        while self._turns:
            name = self._turns.popleft()
            host = self._hosts.get(name)
            if host is None:
                continue
            host.in_turn = False
            if not host.waiting or host.busy >= self.limit(name):
                continue
            request = host.waiting.popleft()
            self.waiting -= 1
            host.busy += 1
            self._slots[request] = Slot(name, now, host.busy)
            self._give_turn(name, host)
            return request
        return None

    def queues(self) -> Iterator[tuple[str, int]]:
        """Yield each host and the number of its queued requests."""
        return ((name, len(host.waiting)) for name, host in self._hosts.items())

    def take_all(self, name: str) -> deque[Request]:
        """Remove and return all queued requests of a host."""
        host = self._hosts.get(name)
        if host is None:
            return deque()
        waiting, host.waiting = host.waiting, deque()
        self.waiting -= len(waiting)
        self._forget(name, host)
        return waiting

    def slot_of(self, request: Request) -> Slot | None:
        """Return the slot that *request* holds; None if it holds none."""
        return self._slots.get(request)

    def has_enough(self, name: str) -> bool:
        """Return whether a host has as many queued requests as may be in flight to it."""
        host = self._hosts.get(name)
        return host is not None and len(host.waiting) >= self.limit(name)

    def is_full(self, name: str) -> bool:
        """Return whether a host's limit of requests in flight is reached."""
        host = self._hosts.get(name)
        return host is not None and host.busy >= self.limit(name)

    def ended(self, request: Request) -> None:
        """Release *request*'s slot as soon as the downloader has finished with it."""
        if request in self._slots:
            self._ended.append(request)

    def free_slots(self, active: Container[Request], *, of_all: bool = False) -> None:
        """Release the slots of ended requests that are not *active*.

        *of_all*: also those of requests whose end was not reported.
        """
        if not (self._ended or of_all):
            return
        ended = self._ended
        for request in list(self._slots) if of_all else ended:
            if request not in active:
                self._free(request)
        # The downloader has not finished with these; their ends are not reported again.
        self._ended = [request for request in ended if request in self._slots]

    def _free(self, request: Request) -> None:
        slot = self._slots.pop(request, None)
        if slot is not None:
            host = self._hosts[slot.host]
            host.busy -= 1
            self._give_turn(slot.host, host)
            self._forget(slot.host, host)

    def _give_turn(self, name: str, host: HostQueue) -> None:
        if not host.in_turn and host.waiting and host.busy < self.limit(name):
            host.in_turn = True
            self._turns.append(name)

    def _forget(self, name: str, host: HostQueue) -> None:
        if not host.busy and not host.waiting:
            del self._hosts[name]
