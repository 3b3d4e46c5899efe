"""Hosts that can't be connected to."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.scheduling.circuit_breaker import Breakers, Change
from imagefetch.urls import Line
from tests.conftest import HOSTS, RunCrawl, examples
from tests.support.answers import LAST
from tests.support.server import Server, Writer
from tests.support.steps import steps


class Entry(NamedTuple):
    line: Line


def line(number: int) -> Line:
    return Line(number, f"http://a/{number}")


def breakers(failures: int = 3, probes: int = 2) -> Breakers[Entry]:
    return Breakers(failures, probes, pause=10, max_pause=30)


def parked(**options: int) -> Breakers[Entry]:
    """Return breakers whose host ``a`` was parked at 0 seconds, lines 10 to 12 waiting."""
    made = breakers(**options)
    for number in (1, 2):
        assert made.note("a", line(number), 0, failed=True) is Change.NONE
    assert made.note("a", line(3), 0, failed=True) is Change.PARKED
    for number in (10, 11, 12):
        assert made.admit("a", line(number), 1) is Change.PARKED
        made.park("a", Entry(line(number)))
    return made


def test_only_failures_in_a_row_park() -> None:
    """One answer between them, and counting begins anew; other hosts are no matter."""
    made = breakers()
    for number in range(20):
        failed = number % 3 != 2
        assert made.note("a", line(number), 0, failed=failed) is Change.NONE
        assert made.note("b", line(100 + number), 0, failed=False) is Change.NONE
    assert made.admit("a", line(99), 0) is Change.NONE


def test_a_parked_host_is_probed_by_one_line_after_each_pause() -> None:
    """Pauses double, up to the longest; what was under way since before counts for nothing."""
    made = parked(probes=9)
    now = 0.0
    for pause in (10, 20, 30, 30):
        assert made.note("a", line(4), now, failed=True) is Change.NONE
        assert made.take_probe(now + pause - 0.1) is None
        now += pause
        probe = made.take_probe(now)
        assert probe is not None
        assert made.take_probe(now) is None
        assert made.admit("a", probe.line, now) is Change.NONE
        assert made.admit("a", line(50), now) is Change.PARKED
        assert made.note("a", probe.line, now, failed=True) is Change.NONE
        made.park("a", probe)
    assert made.waiting == 3


def test_a_probe_that_succeeds_opens_the_host() -> None:
    """All that waited may go on; the next failures are counted from the beginning."""
    made = parked()
    probe = made.take_probe(10)
    assert probe is not None
    assert made.note("a", probe.line, 11, failed=False) is Change.OPENED
    assert made.note("a", line(4), 11, failed=True) is Change.NONE
    assert not made.holds("a")
    taken = [made.take("a"), made.take("a"), made.take("a")]
    assert [entry and entry.line.number for entry in taken] == [11, 12, None]
    assert made.waiting == 0
    assert made.admit("a", line(60), 11) is Change.NONE


def test_a_host_is_given_up_after_its_probes_and_asked_all_the_same() -> None:
    """Lines end at once, but for one probe a pause; if that succeeds, the host is used again."""
    made = parked()
    assert made.take_probe(10) == Entry(line(10))
    assert made.note("a", line(10), 10, failed=True) is Change.NONE
    assert made.take_probe(30) == Entry(line(11))
    assert made.note("a", line(11), 30, failed=True) is Change.GIVEN_UP
    assert not made.holds("a")
    assert made.take("a") == Entry(line(12))
    assert made.take("a") is None
    assert made.admit("a", line(12), 31) is Change.GIVEN_UP
    assert made.admit("a", line(20), 61) is Change.NONE  # a probe
    assert made.admit("a", line(21), 61) is Change.GIVEN_UP
    assert made.note("a", line(20), 62, failed=False) is Change.OPENED
    assert made.admit("a", line(22), 62) is Change.NONE
    for number in (23, 24, 25):
        change = made.note("a", line(number), 62, failed=True)
    assert change is Change.PARKED
    assert made.admit("a", line(26), 62) is Change.PARKED  # with all its patience


def test_a_probe_that_never_came_to_its_host_has_failed() -> None:
    """As where a middleware refused it; else all others would wait for ever."""
    made = parked(probes=1)
    assert made.take_probe(10) == Entry(line(10))
    assert made.ended(11, 10) is None
    assert made.ended(10, 10) == "a"
    assert made.ended(10, 10) is None
    assert made.admit("a", line(20), 11) is Change.GIVEN_UP


def test_it_can_be_switched_off() -> None:
    """With 0 failures, no host is ever parked."""
    made = breakers(failures=0)
    for number in range(100):
        assert made.note("a", line(number), 0, failed=True) is Change.NONE


def test_hosts_in_trouble_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, parked or not; those that something waits for are not forgotten,
    nor are those that are being probed."""
    monkeypatch.setattr("imagefetch.scheduling.circuit_breaker.HOSTS", 10)
    made = parked()
    probe = made.take_probe(10)
    assert probe is not None
    for number in range(1_000):
        for _ in range(number % 4 + 1):
            made.note(f"b{number}", line(100 + number), 0, failed=True)
    assert len(made._hosts) == 11
    assert not made._due or max(made._due)[1] == "a"
    assert made.admit("b999", line(20), 1) is Change.PARKED
    assert made.admit("b1", line(20), 1) is Change.NONE
    while made.take("a") is not None:
        pass
    for number in range(1_000, 1_100):
        made.note(f"b{number}", line(100 + number), 0, failed=True)
    assert made.note("a", probe.line, 11, failed=True) is Change.NONE  # by its only probe yet
    assert made.admit("a", line(20), 12) is Change.PARKED


def test_a_host_that_answers_is_forgotten() -> None:
    """Parked or not, once nothing waits for it any more."""
    made = parked()
    made.note("b", line(1), 0, failed=True)
    made.note("b", line(1), 0, failed=False)
    probe = made.take_probe(10)
    assert probe is not None
    made.note("a", probe.line, 11, failed=False)
    assert made.take("a") is not None
    assert made.take("a") is not None
    assert not made
    assert not made._idle


@pytest.mark.parametrize("failures", [1, 3])
def test_each_host_costs_the_same(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    """However many others are in trouble already."""
    monkeypatch.setattr("imagefetch.scheduling.circuit_breaker.HOSTS", 100)

    def fail(hosts: int) -> None:
        made = breakers(failures=failures)
        for number in range(hosts):
            for attempt in range(4):
                if made.admit(f"b{number}", line(4 * number + attempt), 0) is Change.PARKED:
                    break
                made.note(f"b{number}", line(4 * number + attempt), 0, failed=True)

    assert steps(lambda: fail(1_000)) < 2.2 * steps(lambda: fail(500))


@examples(300)
@given(st.data())
def test_nothing_that_waits_is_lost_or_doubled(data: st.DataObject) -> None:
    """Whatever comes in whatever order, each line is sent, given up, or still waits: once."""
    made = breakers(failures=2)
    now, number = 0.0, 0
    waiting: set[int] = set()
    under_way: set[int] = set()
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from([0, 1, 10, 100]))
        match data.draw(st.sampled_from(["new", "new", "outcome", "probe", "drain", "ended"])):
            case "new":
                number += 1
                change = made.admit("a", line(number), now)
                if change is Change.PARKED:
                    made.park("a", Entry(line(number)))
                    waiting.add(number)
                elif change is Change.NONE:
                    under_way.add(number)
            case "outcome" if under_way:
                chosen = data.draw(st.sampled_from(sorted(under_way)))
                under_way.remove(chosen)
                made.note("a", line(chosen), now, failed=data.draw(st.booleans()))
            case "ended" if under_way:
                chosen = data.draw(st.sampled_from(sorted(under_way)))
                under_way.remove(chosen)
                made.ended(chosen, now)
            case "probe":
                entry = made.take_probe(now)
                if entry is not None:
                    waiting.remove(entry.line.number)
                    under_way.add(entry.line.number)
            case "drain":
                while not made.holds("a") and (entry := made.take("a")):
                    waiting.remove(entry.line.number)
    assert made.waiting == len(waiting)
    # In the end, each that waits is sent as a probe, or let go.
    while waiting:
        now += 1_000
        for chosen in sorted(under_way):
            made.note("a", line(chosen), now, failed=True)
            made.ended(chosen, now)
        under_way.clear()
        if made.holds("a"):
            entry = made.take_probe(now + 1_000)
            if entry is not None:
                under_way.add(entry.line.number)
        else:
            entry = made.take("a")
        if entry is not None:
            waiting.remove(entry.line.number)


# --- In a crawl -----------------------------------------------------------------


def test_a_dead_host_among_living_ones(crawl: RunCrawl, hosts: Server, dead_port: int) -> None:
    """It gets a few requests, its lines a row each; the others are not touched by it."""
    dead = [f"http://127.0.0.1:{dead_port}/{n}.jpg" for n in range(2_000)]
    living = [hosts.url(f"/image/{n}.jpg", HOSTS[n % 20]) for n in range(500)]
    done = crawl([*dead, *living, dead[0]], CONCURRENT_REQUESTS_PER_DOMAIN=8)
    assert done.status == 0, done.log
    done.check(2_501)
    rows = done.by_line
    assert {rows[n]["Response code"] for n in range(2_001, 2_501)} == {"200"}
    reasons = Counter(rows[n]["Reason"] for n in range(1, 2_001))
    assert reasons.keys() <= {"host-unavailable", "connection-refused"}
    assert reasons["host-unavailable"] > 1_990
    assert 10 <= sum(int(rows[n]["Attempts"]) for n in range(1, 2_001)) <= 30
    assert rows[2_501]["Reason"] == rows[1]["Reason"]  # a duplicate
    again = crawl([*dead, *living, dead[0]], "-a", "only=failed", BREAKER_FAILURES=1)
    assert again.status == 0, again.log
    again.check(2_501)


@pytest.mark.skipif("sys.platform != 'linux'", reason="backlogs overflow in other ways elsewhere")
def test_a_host_that_takes_no_connection(crawl: RunCrawl) -> None:
    """What waits in its queue is parked with it; slow as it is, it is asked a few times only."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # they fill the backlog
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        lines = [f"http://127.0.0.1:{full.getsockname()[1]}/{n}.jpg" for n in range(300)]
        settings = {"CONNECT_TIMEOUT": 1, "CONCURRENT_REQUESTS_PER_DOMAIN": 5, "RETRY_TIMES": 1}
        done = crawl(lines, **settings)
    assert done.status == 0, done.log
    done.check(300)
    assert sum(int(row["Attempts"]) for row in done.rows) <= 25


def answer(held: socket.socket) -> None:
    """Take connections at *held* from now on, and give each a picture."""
    held.listen(128)
    with suppress(OSError):  # the test is over
        while True:
            connection, _ = held.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(LAST)


def test_a_host_that_comes_back_is_used_again(crawl: RunCrawl, server: Server) -> None:
    """As soon as a probe succeeds, every line of it is fetched: none is given up."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and until it listens, it refuses

        async def begun(writer: Writer) -> None:
            threading.Timer(2, answer, (held,)).start()
            writer.write(LAST)

        server.raw["/raw/begun"] = begun
        lines = [f"http://127.0.0.1:{held.getsockname()[1]}/{n}.jpg" for n in range(300)]
        done = crawl(
            [server.url("/raw/begun"), *lines],
            RETRY_TIMES=100,
            RETRY_DELAY=0.1,
            RETRY_MAX_DELAY=0.2,
        )
        held.shutdown(socket.SHUT_RDWR)
    assert done.status == 0, done.log
    done.check(301)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert {row["Attempts"] for row in done.rows} > {"1"}
