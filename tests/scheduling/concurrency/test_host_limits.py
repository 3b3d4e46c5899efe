"""Tests the limits of all hosts."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from imagefetch.scheduling.concurrency.adaptive_limit import START
from imagefetch.scheduling.concurrency.host_limits import HOSTS, HostLimit, HostLimits
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from tests.conftest import project


def host_limits(**settings: Any) -> HostLimits:
    return HostLimits(project(CONCURRENT_REQUESTS_PER_DOMAIN=64, **settings))


def refuse(limits: HostLimits, host: str, now: float = 0) -> None:
    limits.note(host, Outcome.REFUSED, now, now, 0, busy=True)


def test_each_host_has_its_own_limit() -> None:
    """All begin with the same limit."""
    limits = host_limits()
    refuse(limits, "a")
    assert limits.limit("a") < START
    assert limits.limit("b") == START
    assert HostLimits(project(CONCURRENT_REQUESTS_PER_DOMAIN=4)).limit("a") == 4


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ({"PACE_ENABLED": False}, 64),
        ({"AUTOTHROTTLE_ENABLED": True}, 64),
        ({"DOWNLOAD_DELAY": 0.5}, 5),  # more would only wait for the delay
        ({"DOWNLOAD_DELAY": 10}, 2),
        ({"DOWNLOAD_DELAY": 0.01}, 64),
    ],
)
def test_settings_take_precedence(setting: dict[str, Any], limit: int) -> None:
    """Then the limit is fixed, whatever the outcomes."""
    limits = host_limits(**setting)
    refuse(limits, "a")
    assert limits.limit("a") == limit
    assert limits.known() == []


def test_a_host_of_download_slots_has_a_fixed_limit() -> None:
    """Its own concurrency, or that of all hosts if it has only a delay."""
    limits = host_limits(DOWNLOAD_SLOTS={"a": {"concurrency": 100}, "b": {"delay": 1}, "d": {}})
    for host in "abcd":
        refuse(limits, host)
    assert (limits.limit("a"), limits.limit("b"), limits.limit("d")) == (100, 3, 64)
    assert limits.limit("c") < START


def test_a_host_that_never_responded_is_not_reported() -> None:
    """Neither its limit nor its cuts."""
    limits = host_limits()
    for outcome in (Outcome.RESET, Outcome.TIMED_OUT, Outcome.OTHER):
        for n in range(100):
            limits.note("dead", outcome, n, n + 1, 0, busy=True)
    assert limits.known() == []
    assert not [name for name in limits.stats() if "dead" in name]
    limits.note("dead", Outcome.RESPONDED, 200, 201, 0.1, busy=True)
    assert [host.host for host in limits.known()] == ["dead"]


def test_limits_are_reported() -> None:
    """For a few hosts: those with the most cuts, then those with the most requests."""
    limits = host_limits()
    for number in range(30):
        limits.note("busy", Outcome.RESPONDED, 0, 0, 0, busy=True)
        limits.note(f"quiet{number}", Outcome.RESPONDED, 0, 0, 0, busy=True)
    for now in (1, 2, 3):
        refuse(limits, "cut", now)
    known = limits.known()
    assert [host.host for host in known] == ["cut", "busy", "quiet0", "quiet1", "quiet10"]
    assert known[0] == HostLimit("cut", limits.limit("cut"), 3, {"429": 3}, "429")
    assert str(known[0]) == f"cut: {limits.limit('cut')} at once, cut by 3 × 429"
    assert str(known[1]) == f"busy: {START} at once"
    stats = limits.stats()
    assert stats["imagefetch/pace/cuts/429"] == 3
    assert stats["imagefetch/pace/limit/busy"] == START
    assert len(stats) == 6


def test_memory_is_bounded() -> None:
    """Only the limits of the most recently used hosts are kept."""
    limits = host_limits()
    tracemalloc.start()
    for number in range(3 * HOSTS):
        refuse(limits, f"host{number}", number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < HOSTS * 1_600
    assert limits.limit(f"host{3 * HOSTS - 1}") < START
    assert limits.limit(f"host{2 * HOSTS}") < START
    assert limits.limit("host0") == START
    assert limits.cuts["429"] == 3 * HOSTS
