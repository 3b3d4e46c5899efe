"""Tests circuit breakers of hosts that can't be connected to."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.circuit_breaker import BreakerPolicy, Transition
from imagefetch.scheduling.circuit_breakers.host_breakers import HostBreakers
from tests.conftest import HOSTS, RunCrawl, examples
from tests.support.raw_responses import LAST
from tests.support.server import Server, Writer
from tests.support.steps import steps


class Entry(NamedTuple):
    line: Line


def line(number: int) -> Line:
    return Line(number, f"http://a/{number}")


def new_breakers(failures: int = 3, probes: int = 2, patience: float = 0) -> HostBreakers[Entry]:
    return HostBreakers(BreakerPolicy(failures, probes, 10, 30, patience))


def open_breakers(**options: int) -> HostBreakers[Entry]:
    """Return breakers that opened for host ``a`` at 0 seconds; lines 10 to 12 wait."""
    breakers = new_breakers(**options)
    for number in (1, 2):
        assert breakers.note("a", line(number), 0, failed=True) is Transition.NONE
    assert breakers.note("a", line(3), 0, failed=True) is Transition.OPEN
    for number in (10, 11, 12):
        assert breakers.admit("a", line(number), 1) is Admission.WAIT
        breakers.add_waiting("a", Entry(line(number)))
    return breakers


def test_only_failures_in_a_row_open() -> None:
    """A connection resets the count; other hosts don't."""
    breakers = new_breakers()
    for number in range(20):
        failed = number % 3 != 2
        assert breakers.note("a", line(number), 0, failed=failed) is Transition.NONE
        assert breakers.note("b", line(100 + number), 0, failed=False) is Transition.NONE
    assert breakers.admit("a", line(99), 0) is Admission.SEND


def test_a_blocked_host_is_probed_by_one_line_after_each_pause() -> None:
    """Pauses double up to the maximum; requests sent before the opening don't count."""
    breakers = open_breakers(probes=9)
    now = 0.0
    for pause in (10, 20, 30, 30):
        assert breakers.note("a", line(4), now, failed=True) is Transition.NONE
        assert breakers.take_probe(now + pause - 0.1) is None
        now += pause
        probe = breakers.take_probe(now)
        assert probe is not None
        assert breakers.take_probe(now) is None
        assert breakers.admit("a", probe.line, now) is Admission.SEND
        assert breakers.admit("a", line(50), now) is Admission.WAIT
        assert breakers.note("a", probe.line, now, failed=True) is Transition.NONE
        breakers.add_waiting("a", probe)
    assert breakers.waiting == 3


def test_a_probe_that_succeeds_closes_the_circuit_breaker() -> None:
    """Waiting lines may be sent; the count of failures restarts at 0."""
    breakers = open_breakers()
    probe = breakers.take_probe(10)
    assert probe is not None
    assert breakers.note("a", probe.line, 11, failed=False) is Transition.CLOSED
    assert breakers.note("a", line(4), 11, failed=True) is Transition.NONE
    assert not breakers.is_blocked("a")
    taken = [breakers.take("a"), breakers.take("a"), breakers.take("a")]
    assert [entry and entry.line.number for entry in taken] == [11, 12, None]
    assert breakers.waiting == 0
    assert breakers.admit("a", line(60), 11) is Admission.SEND


def test_a_given_up_host_is_still_probed() -> None:
    """Lines fail at once, except one probe per pause; one success closes the circuit breaker."""
    breakers = open_breakers()
    assert breakers.take_probe(10) == Entry(line(10))
    assert breakers.note("a", line(10), 10, failed=True) is Transition.NONE
    assert breakers.take_probe(30) == Entry(line(11))
    assert breakers.note("a", line(11), 30, failed=True) is Transition.GIVEN_UP
    assert not breakers.is_blocked("a")
    assert breakers.take("a") == Entry(line(12))
    assert breakers.take("a") is None
    assert breakers.admit("a", line(12), 31) is Admission.FAIL
    assert breakers.admit("a", line(20), 61) is Admission.SEND  # a probe
    assert breakers.admit("a", line(21), 61) is Admission.FAIL
    assert breakers.note("a", line(20), 62, failed=False) is Transition.CLOSED
    assert breakers.admit("a", line(22), 62) is Admission.SEND
    for number in (23, 24, 25):
        change = breakers.note("a", line(number), 62, failed=True)
    assert change is Transition.OPEN
    assert breakers.admit("a", line(26), 62) is Admission.WAIT  # not given up at once


def test_patience_with_a_host_that_was_connected_to() -> None:
    """It is given up after *patience* seconds of silence, however many probes fail."""
    breakers = new_breakers(patience=600)
    breakers.note("a", line(1), 0, failed=False)
    for number in (2, 3, 4):
        breakers.note("a", line(number), 100, failed=True)
    breakers.add_waiting("a", Entry(line(5)))
    assert breakers.may_recover("a")
    changes: dict[float, Transition] = {}
    while not changes or list(changes.values())[-1] is Transition.NONE:
        now = breakers.next_due()
        assert now is not None
        probe = breakers.take_probe(now)
        assert probe is not None
        changes[now] = breakers.note("a", probe.line, now, failed=True)
        if changes[now] is Transition.NONE:
            breakers.add_waiting("a", probe)
    assert 700 <= max(changes) < 730
    assert changes[max(changes)] is Transition.GIVEN_UP
    assert not breakers.may_recover("a")
    assert not breakers.may_recover("b")


def test_a_probe_that_was_never_sent_has_failed() -> None:
    """For instance if a middleware rejected it; otherwise all other lines would wait forever."""
    breakers = open_breakers(probes=1)
    assert breakers.take_probe(10) == Entry(line(10))
    assert breakers.ended(11, 10) is None
    assert breakers.ended(10, 10) == "a"
    assert breakers.ended(10, 10) is None
    assert breakers.admit("a", line(20), 11) is Admission.FAIL


def test_it_can_be_switched_off() -> None:
    """With 0 failures, no circuit breaker opens."""
    breakers = new_breakers(failures=0)
    for number in range(100):
        assert breakers.note("a", line(number), 0, failed=True) is Transition.NONE


def test_failing_hosts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether blocked or not. Hosts with waiting lines or a probe in flight are not removed."""
    monkeypatch.setattr("imagefetch.scheduling.circuit_breakers.host_breakers.HOSTS", 10)
    breakers = open_breakers()
    probe = breakers.take_probe(10)
    assert probe is not None
    for number in range(1_000):
        for _ in range(number % 4 + 1):
            breakers.note(f"b{number}", line(100 + number), 0, failed=True)
    assert len(breakers._hosts) == 11
    assert not breakers._due or max(breakers._due)[1] == "a"
    assert breakers.admit("b999", line(20), 1) is Admission.WAIT
    assert breakers.admit("b1", line(20), 1) is Admission.SEND
    while breakers.take("a") is not None:
        pass
    for number in range(1_000, 1_100):
        breakers.note(f"b{number}", line(100 + number), 0, failed=True)
    assert (
        breakers.note("a", probe.line, 11, failed=True) is Transition.NONE
    )  # its first failed probe
    assert breakers.admit("a", line(20), 12) is Admission.WAIT


def test_a_host_that_recovers_is_removed() -> None:
    """Whether blocked or not, once no line waits for it."""
    breakers = open_breakers()
    breakers.note("b", line(1), 0, failed=True)
    breakers.note("b", line(1), 0, failed=False)
    probe = breakers.take_probe(10)
    assert probe is not None
    breakers.note("a", probe.line, 11, failed=False)
    assert breakers.take("a") is not None
    assert breakers.take("a") is not None
    assert not breakers
    assert not breakers._idle


@pytest.mark.parametrize("failures", [1, 3])
def test_each_host_costs_the_same(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    """Independent of the number of other failing hosts."""
    monkeypatch.setattr("imagefetch.scheduling.circuit_breakers.host_breakers.HOSTS", 100)

    def fail(hosts: int) -> None:
        breakers = new_breakers(failures=failures)
        for number in range(hosts):
            for attempt in range(4):
                if breakers.admit(f"b{number}", line(4 * number + attempt), 0) is Admission.WAIT:
                    break
                breakers.note(f"b{number}", line(4 * number + attempt), 0, failed=True)

    assert steps(lambda: fail(1_000)) < 2.2 * steps(lambda: fail(500))


@examples(300)
@given(st.data())
def test_no_waiting_line_is_lost_or_duplicated(data: st.DataObject) -> None:
    """For any order of events, each line is sent, given up, or still waits, exactly once."""
    breakers = new_breakers(failures=2)
    now, number = 0.0, 0
    waiting: set[int] = set()
    in_flight: set[int] = set()
    for _ in range(data.draw(st.integers(1, 60))):
        now += data.draw(st.sampled_from([0, 1, 10, 100]))
        match data.draw(st.sampled_from(["new", "new", "outcome", "probe", "drain", "ended"])):
            case "new":
                number += 1
                admission = breakers.admit("a", line(number), now)
                if admission is Admission.WAIT:
                    breakers.add_waiting("a", Entry(line(number)))
                    waiting.add(number)
                elif admission is Admission.SEND:
                    in_flight.add(number)
            case "outcome" if in_flight:
                chosen = data.draw(st.sampled_from(sorted(in_flight)))
                in_flight.remove(chosen)
                breakers.note("a", line(chosen), now, failed=data.draw(st.booleans()))
            case "ended" if in_flight:
                chosen = data.draw(st.sampled_from(sorted(in_flight)))
                in_flight.remove(chosen)
                breakers.ended(chosen, now)
            case "probe":
                entry = breakers.take_probe(now)
                if entry is not None:
                    waiting.remove(entry.line.number)
                    in_flight.add(entry.line.number)
            case "drain":
                while not breakers.is_blocked("a") and (entry := breakers.take("a")):
                    waiting.remove(entry.line.number)
    assert breakers.waiting == len(waiting)
    # At the end, each waiting line is sent as a probe or released.
    while waiting:
        now += 1_000
        for chosen in sorted(in_flight):
            breakers.note("a", line(chosen), now, failed=True)
            breakers.ended(chosen, now)
        in_flight.clear()
        if breakers.is_blocked("a"):
            entry = breakers.take_probe(now + 1_000)
            if entry is not None:
                in_flight.add(entry.line.number)
        else:
            entry = breakers.take("a")
        if entry is not None:
            waiting.remove(entry.line.number)


# --- In a crawl -----------------------------------------------------------------


def test_a_dead_host_among_living_ones(crawl: RunCrawl, hosts: Server, dead_port: int) -> None:
    """It gets a few requests, and each of its lines a row; other hosts are not affected."""
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
def test_a_host_that_accepts_no_connection(crawl: RunCrawl) -> None:
    """Its queued requests wait too; despite the long timeouts it gets only a few requests."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # fill the backlog
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
    """Accept connections at *held* and send an image to each."""
    held.listen(128)
    with suppress(OSError):  # the test is over
        while True:
            connection, _ = held.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(LAST)


def test_a_host_that_comes_back_is_used_again(crawl: RunCrawl, server: Server) -> None:
    """After a successful probe every line of it is fetched; none is given up."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # refuses connections until it listens

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


class Restarting:
    """A server that goes down after some requests, and comes back after a pause, or never."""

    def __init__(self, requests: int, pause: float | None) -> None:
        self.requests, self.pause = requests, pause
        self._stopped = threading.Event()

    def serve(self, held: socket.socket) -> None:
        """Serve on the address of *held*, which is bound: there is no other listener."""
        address = held.getsockname()
        held.listen(128)
        with suppress(OSError):
            for _ in range(self.requests):
                self._answer(held)
        held.close()
        if self.pause is None or self._stopped.wait(self.pause):
            return
        with suppress(OSError), socket.create_server(address, backlog=128) as listening:
            self.listening = listening
            while not self._stopped.is_set():
                self._answer(listening)

    def stop(self) -> None:
        self._stopped.set()

    @staticmethod
    def _answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(ConnectionError):
            connection.recv(65_536)
            connection.sendall(LAST)


@contextmanager
def restarting(requests: int, pause: float | None) -> Iterator[int]:
    """Run a `Restarting` server; yield its port."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    server = Restarting(requests, pause)
    thread = threading.Thread(target=server.serve, args=(held,), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.stop()
        with suppress(OSError):  # wakes it
            socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_host_that_goes_down_in_mid_run_is_waited_for(crawl: RunCrawl, hosts: Server) -> None:
    """No line is lost, although it is away for longer than a line's retries take; other hosts'
    lines are fetched meanwhile."""
    with restarting(30, 4) as port:
        lines = [f"http://127.0.0.1:{port}/{n}.jpg" for n in range(150)]
        others = [hosts.url(f"/image/{n}.jpg", HOSTS[1]) for n in range(50)]
        settings = {"BREAKER_FAILURES": 4, "RETRY_TIMES": 2, "RETRY_MAX_DELAY": 0.3}
        done = crawl([*lines, *others], CONCURRENT_REQUESTS_PER_DOMAIN=4, **settings)
    assert done.status == 0, done.log
    done.check(200)
    assert {row["Response code"] for row in done.rows} == {"200"}


def test_a_host_that_stays_down_is_given_up(crawl: RunCrawl) -> None:
    """After BREAKER_PATIENCE."""
    with restarting(10, None) as port:
        lines = [f"http://127.0.0.1:{port}/{n}.jpg" for n in range(100)]
        settings = {"BREAKER_FAILURES": 4, "BREAKER_PATIENCE": 2, "RETRY_MAX_DELAY": 0.3}
        done = crawl(lines, CONCURRENT_REQUESTS_PER_DOMAIN=4, **settings)
    assert done.status == 0, done.log
    done.check(100)
    reasons = Counter(row["Reason"] for row in done.rows)
    assert reasons[""] == 10
    assert reasons["host-unavailable"] > 70
