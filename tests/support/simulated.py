"""A host that limits requests per second, and `Throttles` that find it out, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.rates import FixedWindow, Limit
from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.rate_limits.refusals import RateLimitHint, SentRequest, Verdict
from imagefetch.scheduling.rate_limits.throttles import Throttles
from tests.conftest import project

ORIGIN = "http://a.example"
LATENCY = 0.1  # seconds of a response, ± 20 %

MANY = {"CONCURRENT_REQUESTS_PER_DOMAIN": 256}

Tell = Callable[[float], float | None]


def whole_seconds(wait: float) -> float | None:
    """Tell whole seconds, rounded up."""
    return float(math.ceil(wait))


def nothing(_: float) -> float | None:
    return None


class Entry(NamedTuple):
    line: Line
    refusals: int
    first: float


@dataclass
class Run:
    """What the host saw."""

    accepted: list[float] = field(default_factory=list)
    """Times at which requests came that it accepted."""
    refused: list[float] = field(default_factory=list)
    early: int = 0
    """Requests that were sent after it had told a time, and before that time."""
    failed: int = 0
    """Lines that were given up without being sent."""
    verdicts: set[Verdict | None] = field(default_factory=set)

    def throughput(self, begin: float, end: float) -> float:
        """Return accepted requests per second."""
        return sum(begin <= when < end for when in self.accepted) / (end - begin)

    def refusal_rate(self, begin: float, end: float) -> float:
        """Return the share of requests that were refused."""
        accepted, refused = (
            sum(begin <= when < end for when in times) for times in (self.accepted, self.refused)
        )
        return refused / max(accepted + refused, 1)


class Simulation:
    """Lines that are sent to a host as the scheduler sends them."""

    def __init__(
        self, limit: Callable[[float], Limit], told: Tell, lines: float, settings: dict[str, Any]
    ) -> None:
        configured = project(**{"CONCURRENT_REQUESTS_PER_DOMAIN": 64, **settings})
        self.limit, self.told, self.lines = limit, told, lines
        self.limits = HostLimits(configured)
        self.throttles: Throttles[Entry] = Throttles(
            configured,
            lambda _: self.limits.limit("a"),
            lambda _, sent: self.limits.history("a", sent),
        )
        self.run, self.now, self.count = Run(), 0.0, 0
        self.pause = (0.0, 0.0)  # when the host told a pause, and its end
        self.queue: deque[Entry] = deque()
        self.ends: list[tuple[float, int, SentRequest, RateLimitHint | None]] = []
        self.order = itertools.count()

    def read(self) -> bool:
        """Queue lines that wait no longer, and new ones; return whether there were any."""
        before = len(self.queue)
        while entry := self.throttles.take_due(self.now):
            self.queue.append(entry)
        while len(self.queue) < 64 and not self.throttles.has_enough(ORIGIN):
            if self.count >= self.lines:
                break
            self.count += 1
            line = Line(self.count, f"{ORIGIN}/{self.count}")
            self.queue.append(Entry(line, 0, self.now))
        return len(self.queue) > before

    def send(self) -> None:
        """Send what may be sent."""
        while self.queue:
            entry = self.queue[0]
            admission = self.throttles.admit(ORIGIN, entry.line.number, self.now)
            if admission is Admission.SEND and len(self.ends) >= self.limits.limit("a"):
                return
            self.queue.popleft()
            if admission is Admission.WAIT:
                first = 0 < entry.refusals < 3
                self.throttles.add(ORIGIN, entry, first=first, now=self.now)
            elif admission is Admission.FAIL:
                self.run.failed += 1
            else:
                self.ask(entry)

    def ask(self, entry: Entry) -> None:
        wait = self.limit(self.now).wait(self.now)
        self.run.early += self.pause[0] < self.now < self.pause[1]
        (self.run.refused if wait else self.run.accepted).append(self.now)
        end = self.now + LATENCY * random.uniform(0.8, 1.2)
        flying = len(self.ends) + 1
        sent = SentRequest(entry.line.number, self.now, flying, entry.refusals, entry.first)
        answer = RateLimitHint(True, self.told(wait)) if wait else None
        heapq.heappush(self.ends, (end, next(self.order), sent, answer))

    def finish(self) -> None:
        """Let the next request end."""
        busy = len(self.ends) >= self.limits.limit("a")
        self.now, _, sent, answer = heapq.heappop(self.ends)
        outcome = Outcome.REFUSED if answer else Outcome.RESPONDED
        outcome, verdict = self.throttles.note(ORIGIN, sent, outcome, answer, self.now)
        self.limits.note("a", outcome, sent.at, self.now, self.now - sent.at, busy=busy)
        self.run.verdicts.add(verdict)
        if answer is None:
            return
        if answer.seconds is not None:
            self.pause = self.now, max(self.pause[1], self.now + answer.seconds)
        for queued in self.queue:
            self.throttles.ended(queued.line.number, self.now)
        if verdict in {Verdict.WAIT, Verdict.WAIT_ALONE}:
            line = Line(sent.line, f"{ORIGIN}/{sent.line}")
            self.queue.appendleft(Entry(line, sent.refusals + 1, sent.first))


class ConcurrencySimulation(Simulation):
    """A host that refuses requests beyond a number of concurrent ones, a function of time, and
    takes half a second for the others. *transit*: seconds of a request to it, and of a response
    back, ± 30 %."""

    SERVICE = 0.5
    REFUSAL = 0.005

    def __init__(self, capacity: Callable[[float], int], told: Tell, transit: float = 0.0) -> None:
        super().__init__(lambda _: FixedWindow(1, 1), told, math.inf, MANY)
        self.capacity, self.transit = capacity, transit
        self.serving: list[float] = []  # a heap of the times at which responses leave

    def ask(self, entry: Entry) -> None:
        there = self.now + self.transit * random.uniform(0.7, 1.3)
        while self.serving and self.serving[0] <= there:
            heapq.heappop(self.serving)
        refuses = len(self.serving) >= self.capacity(there)
        (self.run.refused if refuses else self.run.accepted).append(there)
        end = there + (self.REFUSAL if refuses else self.SERVICE * random.uniform(0.8, 1.2))
        if not refuses:
            heapq.heappush(self.serving, end)
        flying = len(self.ends) + 1
        sent = SentRequest(entry.line.number, self.now, flying, entry.refusals, entry.first)
        answer = RateLimitHint(True, self.told(0)) if refuses else None
        heapq.heappush(self.ends, (end + self.transit, next(self.order), sent, answer))


def simulate(
    limit: Callable[[float], Limit],
    seconds: float,
    *,
    told: Tell = whole_seconds,
    lines: float = math.inf,
    seed: int = 1,
    **settings: object,
) -> Run:
    """Send requests to a host that applies *limit*, a function of time, and answers a refusal
    with what *told* makes of the seconds until a request would be allowed."""
    random.seed(seed)
    return run(Simulation(limit, told, lines, settings), seconds)


def run(simulation: Simulation, seconds: float) -> Run:
    """Let *simulation* run for *seconds*."""
    while simulation.now < seconds:
        read = simulation.read()
        simulation.send()
        due = simulation.throttles.next_due()
        if simulation.ends and (due is None or simulation.ends[0][0] <= due):
            simulation.finish()
        elif due is not None:
            simulation.now = max(simulation.now, due)
        elif not read:
            break
    return simulation.run
