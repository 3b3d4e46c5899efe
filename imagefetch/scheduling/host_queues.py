"""Requests that are ready: a queue per host, round robin, within exact limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from scrapy import Request


@dataclass(slots=True)
class Host:
    """One host's requests: those that wait, and how many are under way."""

    busy: int = 0
    in_turn: bool = False
    """Whether its turn comes; not while it has nothing to send, or no place to send it in."""
    waiting: deque[Request] = field(default_factory=deque)


class Place(NamedTuple):
    """What a request under way takes."""

    host: str
    since: float
    """Seconds of the event loop."""


class Hosts:
    """All hosts with requests that wait or are under way, by the downloader's names for them."""

    def __init__(self, limit: Callable[[str], int]) -> None:
        """*limit* says how many requests may be under way at once to a host."""
        self.limit = limit
        self.waiting = 0
        """Requests, of all hosts."""
        self._hosts: dict[str, Host] = {}
        self._turns: deque[str] = deque()
        self._places: dict[Request, Place] = {}
        self._ended: list[Request] = []

    @property
    def under_way(self) -> int:
        return len(self._places)

    def add(self, name: str, request: Request, *, first: bool = False) -> None:
        """Let *request* wait for its turn, before all others of its host if *first*."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host()
        if first:
            host.waiting.appendleft(request)
        else:
            host.waiting.append(request)
        self.waiting += 1
        self._give_turn(name, host)

    def take(self, now: float) -> Request | None:
        """Return the next request that may be sent, which has a place from *now* on."""
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
            self._places[request] = Place(name, now)
            self._give_turn(name, host)
            return request
        return None

    def queues(self) -> Iterator[tuple[str, int]]:
        """Yield each host, and how many requests wait for their turn."""
        return ((name, len(host.waiting)) for name, host in self._hosts.items())

    def take_all(self, name: str) -> deque[Request]:
        """Return the requests that wait for a host, which wait for it no more."""
        host = self._hosts.get(name)
        if host is None:
            return deque()
        waiting, host.waiting = host.waiting, deque()
        self.waiting -= len(waiting)
        self._forget(name, host)
        return waiting

    def place(self, request: Request) -> Place | None:
        """Return the place that *request* has."""
        return self._places.get(request)

    def has_enough(self, name: str) -> bool:
        """Whether as many requests wait for a host as may be under way to it."""
        host = self._hosts.get(name)
        return host is not None and len(host.waiting) >= self.limit(name)

    def is_full(self, name: str) -> bool:
        """Whether as many requests are under way to a host as may be."""
        host = self._hosts.get(name)
        return host is not None and host.busy >= self.limit(name)

    def ended(self, request: Request) -> None:
        """Note that *request*'s place is free once the downloader is done with it."""
        if request in self._places:
            self._ended.append(request)

    def free_places(self, active: Container[Request], *, of_all: bool = False) -> None:
        """Free the places of requests that have ended and aren't *active*; *of_all*: of those
        too that nobody told of."""
        if not (self._ended or of_all):
            return
        told = self._ended
        for request in list(self._places) if of_all else told:
            if request not in active:
                self._free(request)
        # The downloader is not done with these yet; their ends won't be told again.
        self._ended = [request for request in told if request in self._places]

    def _free(self, request: Request) -> None:
        place = self._places.pop(request, None)
        if place is not None:
            host = self._hosts[place.host]
            host.busy -= 1
            self._give_turn(place.host, host)
            self._forget(place.host, host)

    def _give_turn(self, name: str, host: Host) -> None:
        if not host.in_turn and host.waiting and host.busy < self.limit(name):
            host.in_turn = True
            self._turns.append(name)

    def _forget(self, name: str, host: Host) -> None:
        if not host.busy and not host.waiting:
            del self._hosts[name]
