"""A host's limit, found out on simulated time beside a simulated server."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.scheduling.adaptive_limit import START, AdaptiveLimit, Outcome
from tests.conftest import examples

MOST = 256
SERVICE = 0.1  # seconds of an answer, give or take a fifth
NO = 0.005  # seconds of a refusal


@dataclass
class Run:
    """What came of a simulated run."""

    pace: AdaptiveLimit
    answers: list[float] = field(default_factory=list)
    """When they came."""
    refusals: list[float] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)
    """The limit after each outcome."""

    def throughput(self, begin: float, end: float) -> float:
        """Return answers per second."""
        return sum(begin <= when < end for when in self.answers) / (end - begin)

    def limit(self, at: float) -> int:
        return next(limit for when, limit in reversed(self.limits) if when <= at)


def simulate(
    says_no: str,
    capacity: Callable[[float], int],
    seconds: float = 40.0,
    *,
    broken: float = 0.0,
    service: Callable[[float], float] = lambda _: SERVICE,
    most: int = MOST,
) -> Run:
    """Ask a server that serves *capacity* at once, a function of time, always as much as may be.

    Beyond, it says 429 or resets, or it is slow: all it serves share it. Of all
    requests a share is *broken*: reset, whatever the load.
    """
    dice = random.Random(1)
    order = itertools.count()
    now, busy, serving = 0.0, 0, 0
    run = Run(AdaptiveLimit(most, now))
    ends: list[tuple[float, int, float, Outcome]] = []
    while now < seconds:
        while busy < run.pace.limit:
            busy += 1
            wait = service(now) * dice.uniform(0.8, 1.2)
            outcome = Outcome.ANSWERED
            if dice.random() < broken:
                wait, outcome = NO, Outcome.RESET
            elif says_no != "slow" and serving >= capacity(now):
                wait, outcome = NO, Outcome.REFUSED if says_no == "429" else Outcome.RESET
            else:
                serving += 1
                wait *= max(1.0, serving / capacity(now))
            heapq.heappush(ends, (now + wait, next(order), now, outcome))
        now, _, sent, outcome = heapq.heappop(ends)
        if outcome is Outcome.ANSWERED:
            serving -= 1
            run.answers.append(now)
        else:
            run.refusals.append(now)
        run.pace.note(outcome, sent, now, now - sent, busy=busy >= run.pace.limit)
        run.limits.append((now, run.pace.limit))
        busy -= 1
    return run


@pytest.mark.parametrize("says_no", ["429", "reset", "slow"])
@pytest.mark.parametrize("capacity", [1, 4, 10, 40, 100, 200])
def test_what_a_host_takes_is_found_out(says_no: str, capacity: int) -> None:
    """Within 15 % of all that it can give, and of a thousand requests a few are refused."""
    run = simulate(says_no, lambda _: capacity)
    assert run.throughput(20, 40) >= 0.85 * capacity / SERVICE
    late = sum(when >= 20 for when in run.refusals)
    assert late <= 30 + 0.02 * len(run.answers)
    if says_no != "slow":
        assert run.limit(40) <= 1.1 * capacity + 1
    elif capacity > 1:  # slower answers bring nothing: so many more aren't sent
        assert run.limit(40) <= 2 * capacity


@pytest.mark.parametrize("says_no", ["429", "reset"])
def test_less_capacity_is_met_at_once(says_no: str) -> None:
    """Hardly more are refused than were under way, and then no more answers are lost."""
    run = simulate(says_no, lambda now: 64 if now < 20 else 8)
    assert run.throughput(10, 20) >= 0.85 * 64 / SERVICE
    assert run.limit(22) <= 12
    assert run.throughput(22, 40) >= 0.85 * 8 / SERVICE
    assert sum(20 <= when < 22 for when in run.refusals) <= 64 * 6


def test_slower_answers_are_met_by_fewer_requests() -> None:
    """Where as many answers come from fewer; the cause is told."""
    run = simulate("slow", lambda now: 64 if now < 20 else 8)
    assert run.limit(20) >= 50
    assert run.limit(40) <= 24
    assert run.throughput(25, 40) >= 0.85 * 8 / SERVICE
    assert run.pace.cause == "slower"


@pytest.mark.parametrize("says_no", ["429", "reset", "slow"])
def test_more_capacity_is_found_later(says_no: str) -> None:
    """A host is probed again and again."""
    run = simulate(says_no, lambda now: 8 if now < 20 else 64, 60)
    assert run.throughput(50, 60) >= 0.85 * 64 / SERVICE


def test_a_slower_network_is_no_load() -> None:
    """Fewer requests would bring fewer answers: it stays at what it was."""
    run = simulate("429", lambda _: 60, 60, service=lambda now: 0.1 if now < 20 else 0.4)
    assert run.throughput(40, 60) >= 0.85 * 60 / 0.4


@pytest.mark.parametrize("broken", [0.02, 0.2, 0.5])
def test_failures_of_other_causes_slow_nobody_down(broken: float) -> None:
    """Where fewer requests don't make fewer of them fail."""
    run = simulate("429", lambda _: 40, 60, broken=broken)
    assert run.throughput(40, 60) >= 0.75 * 40 / SERVICE


def test_what_was_sent_before_a_cut_cuts_no_more() -> None:
    """All that was under way is refused: one cut. What was sent since, another."""
    pace = AdaptiveLimit(MOST, 0)
    for number in range(START):
        pace.note(Outcome.REFUSED, 0, 0.1 + number / 1000, 0, busy=True)
    assert pace.limit == int(START * 0.9)
    assert pace.cuts == {"429": 1}
    pace.note(Outcome.REFUSED, 0.2, 0.3, 0, busy=True)
    assert pace.limit == int(int(START * 0.9) * 0.7)
    assert pace.cause == "429"


def test_a_single_failure_is_no_cause() -> None:
    """A 503, a reset or a timeout may be of one picture; many in a row are of the host."""
    for outcome in (Outcome.OVERLOADED, Outcome.RESET, Outcome.TIMED_OUT):
        pace = AdaptiveLimit(MOST, 0)
        for number in range(4):
            pace.note(outcome, 1, 1 + number, 0, busy=True)
        assert pace.limit == START
        for number in range(START):
            pace.note(outcome, 1, 5 + number, 0, busy=True)
        assert pace.limit < START
        assert pace.cuts == {outcome.value: 1}


def test_a_host_that_is_not_kept_busy_gets_no_more() -> None:
    """Its limit is not what holds it; nor do outcomes count that say nothing of load."""
    pace = AdaptiveLimit(MOST, 0)
    for number in range(1_000):
        pace.note(Outcome.ANSWERED, number / 100, number / 100 + 0.1, 0.1, busy=False)
        pace.note(Outcome.OTHER, number / 100, number / 100 + 0.1, 0, busy=True)
    assert pace.limit == START
    assert pace.requests == 2_000


@pytest.mark.parametrize("most", [1, 5, 20])
def test_the_most_is_never_passed(most: int) -> None:
    """However much a host takes."""
    run = simulate("429", lambda _: 1_000, 10, most=most)
    assert max(limit for _, limit in run.limits) == most


@examples(200)
@given(st.data())
def test_the_limit_stays_within_its_bounds(data: st.DataObject) -> None:
    """Whatever comes, and be it nonsense."""
    most = data.draw(st.integers(1, 300))
    pace = AdaptiveLimit(most, 0)
    now = 0.0
    for _ in range(data.draw(st.integers(1, 20))):
        outcome = data.draw(st.sampled_from(Outcome))
        latency = data.draw(st.floats(0, 100))
        step = data.draw(st.floats(0, 10))
        busy = data.draw(st.booleans())
        for _ in range(data.draw(st.integers(1, 600))):
            now += step / 100
            pace.note(outcome, max(0, now - latency), now, latency, busy=busy)
            assert 1 <= pace.limit <= most
