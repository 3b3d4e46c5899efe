"""Tests the adaptive limit against a simulated server in simulated time."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.scheduling.concurrency.adaptive_limit import START, AdaptiveLimit
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from tests.conftest import examples

MOST = 256
SERVICE = 0.1  # seconds of a response, ± 20 %
REFUSAL = 0.005  # seconds of a refusal


@dataclass
class Run:
    """The result of a simulated run."""

    adaptive: AdaptiveLimit
    responses: list[float] = field(default_factory=list)
    """Times of responses."""
    refusals: list[float] = field(default_factory=list)
    limits: list[tuple[float, int]] = field(default_factory=list)
    """The limit after each outcome."""

    def throughput(self, begin: float, end: float) -> float:
        """Return responses per second."""
        return sum(begin <= when < end for when in self.responses) / (end - begin)

    def limit(self, at: float) -> int:
        return next(limit for when, limit in reversed(self.limits) if when <= at)


def simulate(
    overload: str,
    capacity: Callable[[float], int],
    seconds: float = 40.0,
    *,
    broken: float = 0.0,
    service: Callable[[float], float] = lambda _: SERVICE,
    most: int = MOST,
) -> Run:
    """Send as many requests as the limit allows to a server of *capacity*, a function of time.

    *capacity* is its number of concurrent requests. Beyond, it responds 429, resets the
    connection, or is slow: all requests share its capacity. It resets a share of all requests,
    *broken*, whatever the load.
    """
    dice = random.Random(1)
    order = itertools.count()
    now, busy, serving = 0.0, 0, 0
    run = Run(AdaptiveLimit(most, now))
    ends: list[tuple[float, int, float, Outcome]] = []
    while now < seconds:
        while busy < run.adaptive.limit:
            busy += 1
            wait = service(now) * dice.uniform(0.8, 1.2)
            outcome = Outcome.RESPONDED
            if dice.random() < broken:
                wait, outcome = REFUSAL, Outcome.RESET
            elif overload != "slow" and serving >= capacity(now):
                wait, outcome = REFUSAL, Outcome.REFUSED if overload == "429" else Outcome.RESET
            else:
                serving += 1
                wait *= max(1.0, serving / capacity(now))
            heapq.heappush(ends, (now + wait, next(order), now, outcome))
        now, _, sent, outcome = heapq.heappop(ends)
        if outcome is Outcome.RESPONDED:
            serving -= 1
            run.responses.append(now)
        else:
            run.refusals.append(now)
        run.adaptive.note(outcome, sent, now, now - sent, busy=busy >= run.adaptive.limit)
        run.limits.append((now, run.adaptive.limit))
        busy -= 1
    return run


@pytest.mark.parametrize("overload", ["429", "reset", "slow"])
@pytest.mark.parametrize("capacity", [1, 4, 10, 40, 100, 200])
def test_limit_converges_to_capacity(overload: str, capacity: int) -> None:
    """Throughput is within 15 % of the maximum, and about 2 % of requests are refused."""
    run = simulate(overload, lambda _: capacity)
    assert run.throughput(20, 40) >= 0.85 * capacity / SERVICE
    late = sum(when >= 20 for when in run.refusals)
    assert late <= 30 + 0.02 * len(run.responses)
    if overload != "slow":
        assert run.limit(40) <= 1.1 * capacity + 1
    elif capacity > 1:  # more requests only make responses slower
        assert run.limit(40) <= 2 * capacity


@pytest.mark.parametrize("overload", ["429", "reset"])
def test_limit_drops_at_once_with_capacity(overload: str) -> None:
    """Few requests beyond those in flight are refused, and throughput follows the capacity."""
    run = simulate(overload, lambda now: 64 if now < 20 else 8)
    assert run.throughput(10, 20) >= 0.85 * 64 / SERVICE
    assert run.limit(22) <= 12
    assert run.throughput(22, 40) >= 0.85 * 8 / SERVICE
    assert sum(20 <= when < 22 for when in run.refusals) <= 64 * 6


def test_slower_responses_lower_the_limit() -> None:
    """If the throughput stays the same; the cause is recorded."""
    run = simulate("slow", lambda now: 64 if now < 20 else 8)
    assert run.limit(20) >= 50
    assert run.limit(40) <= 24
    assert run.throughput(25, 40) >= 0.85 * 8 / SERVICE
    assert run.adaptive.cause == "slower"


@pytest.mark.parametrize("overload", ["429", "reset", "slow"])
def test_more_capacity_is_found_later(overload: str) -> None:
    """Trials of a higher limit are repeated."""
    run = simulate(overload, lambda now: 8 if now < 20 else 64, 60)
    assert run.throughput(50, 60) >= 0.85 * 64 / SERVICE


def test_a_slower_network_does_not_lower_the_limit() -> None:
    """A lower limit would lower the throughput, so the limit stays."""
    run = simulate("429", lambda _: 60, 60, service=lambda now: 0.1 if now < 20 else 0.4)
    assert run.throughput(40, 60) >= 0.85 * 60 / 0.4


@pytest.mark.parametrize("broken", [0.02, 0.2, 0.5])
def test_failures_of_other_causes_do_not_lower_throughput(broken: float) -> None:
    """If a lower limit does not lower the failure rate, the limit is restored."""
    run = simulate("429", lambda _: 40, 60, broken=broken)
    assert run.throughput(40, 60) >= 0.75 * 40 / SERVICE


def test_requests_sent_before_a_cut_cause_no_other() -> None:
    """Refusals of all requests in flight cause one cut; a later request causes another."""
    adaptive = AdaptiveLimit(MOST, 0)
    for number in range(START):
        adaptive.note(Outcome.REFUSED, 0, 0.1 + number / 1000, 0, busy=True)
    assert adaptive.limit == int(START * 0.9)
    assert adaptive.cuts == {"429": 1}
    adaptive.note(Outcome.REFUSED, 0.2, 0.3, 0, busy=True)
    assert adaptive.limit == int(int(START * 0.9) * 0.7)
    assert adaptive.cause == "429"


def test_a_single_failure_causes_no_cut() -> None:
    """A 503, a reset or a timeout may concern one image; many in a row concern the host."""
    for outcome in (Outcome.OVERLOADED, Outcome.RESET, Outcome.TIMED_OUT):
        adaptive = AdaptiveLimit(MOST, 0)
        for number in range(4):
            adaptive.note(outcome, 1, 1 + number, 0, busy=True)
        assert adaptive.limit == START
        for number in range(START):
            adaptive.note(outcome, 1, 5 + number, 0, busy=True)
        assert adaptive.limit < START
        assert adaptive.cuts == {outcome.value: 1}


def test_limit_grows_only_while_it_is_reached() -> None:
    """Otherwise it does not bound the throughput. Outcomes unrelated to load don't count."""
    adaptive = AdaptiveLimit(MOST, 0)
    for number in range(1_000):
        adaptive.note(Outcome.RESPONDED, number / 100, number / 100 + 0.1, 0.1, busy=False)
        adaptive.note(Outcome.OTHER, number / 100, number / 100 + 0.1, 0, busy=True)
    assert adaptive.limit == START


@pytest.mark.parametrize("most", [1, 5, 20])
def test_the_upper_bound_is_never_exceeded(most: int) -> None:
    """Even if the host has more capacity."""
    run = simulate("429", lambda _: 1_000, 10, most=most)
    assert max(limit for _, limit in run.limits) == most


@examples(200)
@given(st.data())
def test_the_limit_stays_within_its_bounds(data: st.DataObject) -> None:
    """For any sequence of outcomes, even an impossible one."""
    most = data.draw(st.integers(1, 300))
    adaptive = AdaptiveLimit(most, 0)
    now = 0.0
    for _ in range(data.draw(st.integers(1, 20))):
        outcome = data.draw(st.sampled_from(Outcome))
        latency = data.draw(st.floats(0, 100))
        step = data.draw(st.floats(0, 10))
        busy = data.draw(st.booleans())
        for _ in range(data.draw(st.integers(1, 600))):
            now += step / 100
            adaptive.note(outcome, max(0, now - latency), now, latency, busy=busy)
            assert 1 <= adaptive.limit <= most
