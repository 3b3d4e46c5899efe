"""Tests what becomes of a host that limits requests per second: in simulated time, and in
crawls."""

from __future__ import annotations

import pytest

from benchmarks.rates import LIMITS, Limit
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
    """At least 85 % of what the best fixed delay would give, and after the first minute at most
    5 % of requests refused; none is sent during a pause that the host told."""
    limit = limits(kind, requests, seconds)
    run = simulate(lambda _: limit, 300, told=told)
    best = requests / seconds
    assert run.throughput(0, 300) >= 0.85 * best
    assert run.throughput(60, 300) >= 0.85 * best
    assert run.refusal_rate(60, 300) <= 0.05
    assert run.early == 0


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
