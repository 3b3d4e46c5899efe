"""Limits of all hosts."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from imagefetch.scheduling.adaptive_limit import START, Outcome
from imagefetch.scheduling.host_limits import HOSTS, HostLimit, HostLimits
from tests.conftest import project


def paces(**settings: Any) -> HostLimits:
    return HostLimits(project(CONCURRENT_REQUESTS_PER_DOMAIN=64, **settings))


def refuse(made: HostLimits, host: str, now: float = 0) -> None:
    made.note(host, Outcome.REFUSED, now, now, 0, busy=True)


def test_each_host_has_its_own() -> None:
    """It begins with the same for all."""
    made = paces()
    refuse(made, "a")
    assert made.limit("a") < START
    assert made.limit("b") == START
    assert HostLimits(project(CONCURRENT_REQUESTS_PER_DOMAIN=4)).limit("a") == 4


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ({"PACE_ENABLED": False}, 64),
        ({"AUTOTHROTTLE_ENABLED": True}, 64),
        ({"DOWNLOAD_DELAY": 0.5}, 5),  # more would only wait for each other
        ({"DOWNLOAD_DELAY": 10}, 2),
        ({"DOWNLOAD_DELAY": 0.01}, 64),
    ],
)
def test_what_the_user_set_wins(setting: dict[str, Any], limit: int) -> None:
    """Then the limit is the setting's, whatever comes."""
    made = paces(**setting)
    refuse(made, "a")
    assert made.limit("a") == limit
    assert made.known() == []


def test_a_host_of_download_slots_is_left_alone() -> None:
    """With its own concurrency, or where it has only a delay, with that of all."""
    made = paces(DOWNLOAD_SLOTS={"a": {"concurrency": 100}, "b": {"delay": 1}, "d": {}})
    for host in "abcd":
        refuse(made, host)
    assert (made.limit("a"), made.limit("b"), made.limit("d")) == (100, 3, 64)
    assert made.limit("c") < START


def test_nothing_is_known_of_a_host_that_never_answered() -> None:
    """Neither that it takes as many at once as all begin with, nor that a timeout cut it."""
    made = paces()
    for outcome in (Outcome.RESET, Outcome.TIMED_OUT, Outcome.OTHER):
        for n in range(100):
            made.note("dead", outcome, n, n + 1, 0, busy=True)
    assert made.known() == []
    assert not [name for name in made.stats() if "dead" in name]
    made.note("dead", Outcome.ANSWERED, 200, 201, 0.1, busy=True)
    assert [host.host for host in made.known()] == ["dead"]


def test_what_was_found_out_is_told() -> None:
    """Of few hosts: those cut most often, then those asked most."""
    made = paces()
    for number in range(30):
        made.note("busy", Outcome.ANSWERED, 0, 0, 0, busy=True)
        made.note(f"quiet{number}", Outcome.ANSWERED, 0, 0, 0, busy=True)
    for now in (1, 2, 3):
        refuse(made, "cut", now)
    told = made.known()
    assert [host.host for host in told] == ["cut", "busy", "quiet0", "quiet1", "quiet10"]
    assert told[0] == HostLimit("cut", made.limit("cut"), 3, {"429": 3}, "429")
    assert str(told[0]) == f"cut: {made.limit('cut')} at once, cut by 3 × 429"
    assert str(told[1]) == f"busy: {START} at once"
    stats = made.stats()
    assert stats["imagefetch/pace/cuts/429"] == 3
    assert stats["imagefetch/pace/limit/busy"] == START
    assert len(stats) == 6


def test_memory_is_bounded() -> None:
    """However many hosts a list has, those asked of late are known."""
    made = paces()
    tracemalloc.start()
    for number in range(3 * HOSTS):
        refuse(made, f"host{number}", number)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < HOSTS * 1_600
    assert made.limit(f"host{3 * HOSTS - 1}") < START
    assert made.limit(f"host{2 * HOSTS}") < START
    assert made.limit("host0") == START
    assert made.cuts["429"] == 3 * HOSTS
