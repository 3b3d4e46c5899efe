"""A host that limits requests per second, and `Throttles` that find it out, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.rates import Limit
from imagefetch.scheduling.host_limits import HostLimits
from imagefetch.scheduling.outcomes import Outcome
from imagefetch.scheduling.refusals import Admission, Sent, Told, Verdict
from imagefetch.scheduling.throttles import Throttles
from imagefetch.urls import Line
from tests.conftest import project

ORIGIN = "http://a.example"
LATENCY = 0.1  # seconds of a response, ± 20 %

Tell = Callable[[float], float | None]


def whole_seconds(wait: float) -> float | None:
    """Tell whole seconds, rounded up."""
    return int(wait) + 1.0


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
    verdicts: set[Verdict | None] = field(default_factory=set)
    throttles: Throttles[Entry] | None = None

    def throughput(self, begin: float, end: float) -> float:
        """Return accepted requests per second."""
        return sum(begin <= when < end for when in self.accepted) / (end - begin)

    def refusal_rate(self, begin: float, end: float) -> float:
        """Return the share of requests that were refused."""
        accepted, refused = (
            sum(begin <= when < end for when in times) for times in (self.accepted, self.refused)
        )
        return refused / max(accepted + refused, 1)


def simulate(
    limit: Callable[[float], Limit],
    seconds: float,
    *,
    told: Tell = whole_seconds,
    lines: int | None = None,
    latency: float = LATENCY,
    **settings: object,
) -> Run:
    """Send requests to a host that applies *limit*, a function of time, and answers a refusal
    with what *told* makes of the seconds until a request would be allowed."""
    configured = project(CONCURRENT_REQUESTS_PER_DOMAIN=64, **settings)
    limits = HostLimits(configured)
    throttles: Throttles[Entry] = Throttles(
        configured, lambda _: limits.limit("a"), lambda _, sent: limits.history("a", sent)
    )
    run, dice, order = Run(throttles=throttles), random.Random(1), itertools.count(1)
    ready: list[Entry] = []
    ends: list[tuple[float, int, Sent, Told | None]] = []
    now, pause_told, count = 0.0, (0.0, 0.0), 0  # when a pause was told, and its end
    while now < seconds:
        # Lines come as the scheduler reads them.
        while entry := throttles.take_due(now):
            ready.append(entry)
        while len(ready) < 64 and not throttles.has_enough(ORIGIN):
            if lines is not None and count >= lines:
                break
            count += 1
            ready.append(Entry(Line(count, f"{ORIGIN}/{count}"), 0, now))
        for entry in list(ready):
            admission = throttles.admit(ORIGIN, entry.line.number, now)
            if admission is Admission.SEND and len(ends) >= limits.limit("a"):
                break
            ready.remove(entry)
            if admission is Admission.WAIT:
                throttles.add(ORIGIN, entry, first=0 < entry.refusals < 3, now=now)
            elif admission is Admission.SEND:
                wait = limit(now).wait(now)
                run.early += pause_told[0] < now < pause_told[1]
                answer = Told(True, told(wait)) if wait else None
                (run.refused if wait else run.accepted).append(now)
                duration = latency * dice.uniform(0.8, 1.2)
                sent = Sent(entry.line.number, now, len(ends) + 1, entry.refusals, entry.first)
                heapq.heappush(ends, (now + duration, next(order), sent, answer))
        due = [when for when in (throttles.next_due(),) if when is not None]
        if ends and (not due or ends[0][0] <= due[0]):
            now, _, sent, answer = heapq.heappop(ends)
            busy = len(ends) + 1 >= limits.limit("a")
            outcome = Outcome.REFUSED if answer else Outcome.RESPONDED
            outcome, verdict = throttles.note(ORIGIN, sent, outcome, answer, now)
            limits.note("a", outcome, sent.at, now, now - sent.at, busy=busy)
            run.verdicts.add(verdict)
            if answer is not None:
                if answer.seconds is not None:
                    pause_told = now, max(pause_told[1], now + answer.seconds)
                for queued in ready:
                    throttles.ended(queued.line.number, now)
                line = Line(sent.line, f"{ORIGIN}/{sent.line}")
                if verdict in {Verdict.WAIT, Verdict.WAIT_ALONE}:
                    ready.append(Entry(line, sent.refusals + 1, sent.first))
        elif due:
            now = max(now, due[0])
        else:
            break
    return run
