"""Tests what becomes of a host that limits requests per second: in simulated time, and in
crawls."""

from __future__ import annotations

import pytest

from benchmarks.rates import LIMITS, Limit
from imagefetch.scheduling.refusals import Verdict
from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import outcomes
from tests.support.rate_limited import LimitedHost
from tests.support.server import Server
from tests.support.simulated import Tell, nothing, simulate, whole_seconds

# --- In simulated time


def limits(kind: str, requests: int, seconds: float) -> Limit:
    return LIMITS[kind](requests, seconds)


@pytest.mark.parametrize("told", [whole_seconds, nothing])
@pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
@pytest.mark.parametrize(
    ("requests", "seconds"), [(10, 5), (1, 2), (3, 1), (100, 10), (60, 60), (30, 1), (500, 60)]
)
def test_the_rate_of_a_host_is_learnt(kind: str, requests: int, seconds: float, told: Tell) -> None:
    """In three minutes at least 85 % of what the best fixed delay would give, the first minute
    included; after it, at most 5 % of requests are refused. None is sent during a pause that the
    host told."""
    limit = limits(kind, requests, seconds)
    run = simulate(lambda _: limit, 180, told=told)
    assert run.throughput(0, 180) >= 0.85 * requests / seconds
    assert run.throughput(60, 180) >= 0.85 * requests / seconds
    assert run.refusal_rate(60, 180) <= 0.05
    assert run.early == 0


@pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
def test_a_higher_rate_is_found_later(kind: str) -> None:
    """And a lower one at once."""
    before, high, low = (limits(kind, n, 5) for n in (10, 50, 3))
    run = simulate(lambda now: before if now < 120 else high if now < 420 else low, 540)
    assert run.throughput(60, 120) >= 0.85 * 2
    assert run.throughput(360, 420) >= 0.85 * 10
    assert run.throughput(480, 540) >= 0.8 * 0.6
    assert run.refusal_rate(60, 540) <= 0.05


def test_a_refusal_costs_no_line_a_try() -> None:
    """However often a host refuses, as long as it accepts others now and then."""
    limit = limits("fixed", 2, 30)
    run = simulate(lambda _: limit, 3_600, told=nothing, lines=100)
    assert len(run.accepted) == 100
    assert run.verdicts == {None, Verdict.WAIT}


@pytest.mark.parametrize("told", [whole_seconds, nothing])
def test_a_host_that_refuses_everything_is_given_up(told: Tell) -> None:
    """After RATE_LIMIT_PATIENCE, and a few requests."""
    closed = limits("fixed", 0, 1_000_000)
    run = simulate(lambda _: closed, 10_000, told=lambda _: told(20), lines=50)
    assert 900 < run.refused[-1] < 1_000
    assert len(run.refused) <= 16 + 50
    assert Verdict.GIVEN_UP in run.verdicts
    assert run.early == 0


def test_a_host_that_asks_for_too_long_gets_one_probe() -> None:
    """Then its lines fail without being sent."""
    closed = limits("fixed", 10, 1_000_000)
    run = simulate(lambda _: closed, 10_000, told=lambda _: 3_600.0, lines=200)
    assert len(run.accepted) == 10
    assert len(run.refused) <= 6 + 2
    assert run.verdicts == {None, Verdict.TOO_LONG}
    assert run.failed >= 180


# --- In crawls

QUICK = {"RETRY_DELAY": 1, "RETRY_TIMES": 1}


@pytest.mark.parametrize(
    ("kind", "requests", "seconds"),
    [("fixed", 10, 2), ("sliding", 12, 3), ("bucket", 8, 2), ("fixed", 3, 1)],
)
def test_no_line_is_lost_to_a_limit_per_second(
    crawl: RunCrawl, server: Server, kind: str, requests: int, seconds: float
) -> None:
    """None is sent during the host's Retry-After, and few are refused."""
    host = server.limited[HOSTS[0]] = LimitedHost(LIMITS[kind](requests, seconds))
    done = crawl([server.url(f"/limited/{n}.jpg") for n in range(40)], **QUICK)
    assert {row[:2] for row in outcomes(done)} == {("200", "")}
    assert not host.early()
    assert len(host.refused) <= 24
