"""Tests what becomes of a host that limits requests per second: in simulated time, and in
crawls."""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections import Counter
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rates import LIMITS, FixedWindow, Limit
from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.concurrency.request_outcome import Outcome
from imagefetch.scheduling.rate_limits.refusals import History, RateLimitHint, SentRequest, Verdict
from imagefetch.scheduling.rate_limits.throttles import Throttles
from tests.conftest import HOSTS, ROOT, RunCrawl, command, environment, examples, project, run_crawl
from tests.support.rate_limited import LimitedHost, nothing_told
from tests.support.rate_limited import Told as ToldHeaders
from tests.support.raw_responses import LAST, LENGTH, PICTURE, Answer, outcomes, sends
from tests.support.server import Server, Writer, serving
from tests.support.simulated import (
    ConcurrencySimulation,
    Entry,
    Tell,
    nothing,
    run,
    simulate,
    whole_seconds,
)

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
    result = simulate(lambda _: limit, 180, told=told)
    assert result.throughput(0, 180) >= 0.85 * requests / seconds
    assert result.throughput(60, 180) >= 0.85 * requests / seconds
    assert result.refusal_rate(60, 180) <= 0.05
    assert result.early == 0


@pytest.mark.parametrize(("before", "after"), [(4, 4), (14, 11), (40, 40), (48, 5), (5, 48)])
def test_a_limit_of_concurrent_requests(before: int, after: int) -> None:
    """Is not taken for a limit per second: the host is used nearly as far as it can be."""
    random.seed(1)
    host = ConcurrencySimulation(lambda now: before if now < 60 else after, nothing)
    result = run(host, 120)
    assert result.throughput(0, 60) >= 0.9 * before / host.SERVICE
    assert result.throughput(60, 120) >= 0.8 * after / host.SERVICE
    assert len(result.refused) <= 0.1 * len(result.accepted)


@pytest.mark.parametrize(
    ("before", "after", "seconds"), [(1, 1, 1.0), (4, 4, 3.0), (14, 11, 1.0), (5, 20, 1.0)]
)
def test_a_limit_of_concurrent_requests_that_tells_a_time(
    before: int, after: int, seconds: float
) -> None:
    """Is taken for a limit per second for the first minute only, and again for a while when it
    falls. None is sent during a pause."""
    random.seed(1)
    host = ConcurrencySimulation(lambda now: before if now < 300 else after, lambda _: seconds)
    result = run(host, 900)
    assert result.throughput(60, 300) >= 0.8 * before / host.SERVICE
    assert result.throughput(420, 900) >= 0.9 * after / host.SERVICE
    assert len(result.refused) <= 0.03 * len(result.accepted)
    assert result.early == 0
    ((_, ceiling),) = host.throttles.ceilings()
    assert ceiling <= 1.3 * after + 1
    assert not [*host.throttles.rates()]


@pytest.mark.parametrize(("capacity", "seconds"), [(16, 3.0), (40, 1.0), (40, 3.0)])
def test_a_limit_of_concurrent_requests_of_a_distant_host(capacity: int, seconds: float) -> None:
    """Is recognized, too: its numbers vary a little, since what is under way counts here only."""
    for seed in (1, 2):
        random.seed(seed)
        host = ConcurrencySimulation(lambda _: capacity, lambda _: seconds, transit=0.02)
        result = run(host, 300)
        assert result.throughput(60, 300) >= 0.75 * capacity / host.SERVICE
        assert len(result.refused) <= 0.03 * len(result.accepted)


@pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
def test_a_higher_rate_is_found_later(kind: str) -> None:
    """And a lower one at once."""
    before, high, low = (limits(kind, n, 5) for n in (10, 50, 3))
    result = simulate(lambda now: before if now < 120 else high if now < 420 else low, 540)
    assert result.throughput(60, 120) >= 0.85 * 2
    assert result.throughput(360, 420) >= 0.85 * 10
    assert result.throughput(480, 540) >= 0.8 * 0.6
    assert result.refusal_rate(60, 540) <= 0.05


def test_a_refusal_costs_no_line_a_try() -> None:
    """However often a host refuses, as long as it accepts others now and then."""
    limit = limits("fixed", 2, 30)
    result = simulate(lambda _: limit, 3_600, told=nothing, lines=100)
    assert len(result.accepted) == 100
    assert result.verdicts == {None, Verdict.WAIT}


@pytest.mark.parametrize("told", [whole_seconds, nothing])
def test_a_host_that_refuses_everything_is_given_up(told: Tell) -> None:
    """After RATE_LIMIT_PATIENCE, and a few requests."""
    closed = limits("fixed", 0, 1_000_000)
    result = simulate(lambda _: closed, 10_000, told=lambda _: told(20), lines=50)
    assert 600 < result.refused[-1] < 700
    assert len(result.refused) <= 16 + 50
    assert Verdict.GIVEN_UP in result.verdicts
    assert result.early == 0


def test_a_host_that_asks_for_too_long_gets_one_probe() -> None:
    """Then its lines fail without being sent."""
    closed = limits("fixed", 10, 1_000_000)
    result = simulate(lambda _: closed, 10_000, told=lambda _: 3_600.0, lines=200)
    assert len(result.accepted) == 10
    assert len(result.refused) <= 6 + 2
    assert result.verdicts == {None, Verdict.TOO_LONG}
    assert result.failed >= 180


class Lines:
    """Lines of two origins, by what became of them."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.throttles: Throttles[Entry] = Throttles(
            project(RATE_LIMIT_PATIENCE=50),
            lambda _: 4,
            lambda _, sent: History(sent, 0, learns=True),
        )
        self.now, self.number, self.waiting = 0.0, 0, 0
        self.in_flight: dict[int, tuple[str, float]] = {}

    def chosen(self) -> int:
        return self.data.draw(st.sampled_from(sorted(self.in_flight)))

    def queue(self, origin: str, line: int) -> None:
        match self.throttles.admit(origin, line, self.now):
            case Admission.SEND:
                self.in_flight[line] = origin, self.now
            case Admission.WAIT:
                entry = Entry(Line(line, f"{origin}/{line}"), 0, self.now)
                first = self.data.draw(st.booleans())
                self.throttles.add(origin, entry, first=first, now=self.now)
                self.waiting += 1

    def take(self) -> bool:
        entry = self.throttles.take_due(self.now)
        if entry is not None:
            self.waiting -= 1
            self.queue(entry.line.text.rpartition("/")[0], entry.line.number)
        return entry is not None

    def end(self, line: int, told: RateLimitHint | None) -> None:
        origin, sent = self.in_flight.pop(line)
        refused = told is not None and told.refused
        outcome = Outcome.REFUSED if refused else Outcome.RESPONDED
        request = SentRequest(line, sent, self.data.draw(st.integers(1, 5)), 0, sent)
        self.throttles.note(origin, request, outcome, told, self.now)
        if refused and self.data.draw(st.booleans()):
            self.queue(origin, line)

    def drain(self) -> None:
        """Let each request end, and time pass, until nothing waits."""
        for _ in range(4 * self.number + 4):
            for line in sorted(self.in_flight):
                self.end(line, None)
            self.now = max(self.now, self.throttles.next_due() or self.now)
            while self.take():
                pass


TOLD = [
    None,
    *(RateLimitHint(refused, s) for refused in (True, False) for s in (None, 1.0, 20.0, 1_000.0)),
]


@examples(300)
@given(st.data())
def test_no_waiting_line_is_lost_or_duplicated(data: st.DataObject) -> None:
    """For any order of events, each line is in flight, waits, or is done, exactly once; at the
    end, each is sent or given up."""
    lines = Lines(data)
    for _ in range(data.draw(st.integers(1, 60))):
        lines.now += data.draw(st.sampled_from([0, 0, 0.1, 1, 30]))
        match data.draw(st.sampled_from(["new", "new", "outcome", "outcome", "take", "lost"])):
            case "new":
                lines.number += 1
                lines.queue(data.draw(st.sampled_from(["http://a", "http://b"])), lines.number)
            case "outcome" if lines.in_flight:
                lines.end(lines.chosen(), data.draw(st.sampled_from(TOLD)))
            case "lost" if lines.in_flight:
                line = lines.chosen()
                del lines.in_flight[line]
                lines.throttles.ended(line, lines.now)
            case "take":
                lines.take()
        assert lines.throttles.waiting == lines.waiting
    lines.drain()
    assert lines.throttles.waiting == lines.waiting == 0
    assert not lines.in_flight


# --- In crawls


def refuses(retry_after: str) -> Answer:
    """Return a 429 with a Retry-After header."""
    head = f"HTTP/1.1 429 No\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n"
    return sends(head.encode())


def first_then(*answers: Answer) -> Answer:
    """Return what gives one of *answers* after the other."""
    left = list(answers)

    async def answer(writer: Writer) -> None:
        await left.pop(0)(writer)

    return answer


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
    assert re.search(r"host +127\.0\.0\.1: \d+ at once, [\d.]+ a second", done.log)


HEADERS: dict[str, ToldHeaders] = {
    HOSTS[0]: lambda wait: {"Retry-After": formatdate(time.time() + wait, usegmt=True)},
    HOSTS[1]: lambda wait: {"RateLimit": f'"a";r=0;t={int(wait) + 1}'},
    HOSTS[2]: lambda wait: {"X-RateLimit-Reset": f"{time.time() + wait:.0f}"},
    HOSTS[3]: nothing_told,
    HOSTS[4]: lambda _: {"Retry-After": "soon"},
    HOSTS[5]: lambda _: {"Retry-After": "-1"},
}


def test_however_the_time_is_told(crawl: RunCrawl, hosts: Server) -> None:
    """Or if it is not told: no line is lost, and few requests are sent in vain."""
    hosts.limited = {host: LimitedHost(FixedWindow(8, 2), told) for host, told in HEADERS.items()}
    for status in (503, 403):
        hosts.limited[HOSTS[len(hosts.limited)]] = LimitedHost(FixedWindow(8, 2), status=status)
    urls = [hosts.url(f"/limited/{n}.jpg", host) for n in range(24) for host in hosts.limited]
    done = crawl(urls, **QUICK)
    assert {row[:2] for row in outcomes(done)} == {("200", "")}
    for host in hosts.limited.values():
        assert len(host.refused) <= 24
        assert not host.early()


def test_a_response_that_says_that_nothing_remains(crawl: RunCrawl, server: Server) -> None:
    """Pauses its host before that refuses a request."""
    head = b"HTTP/1.1 200 OK\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 3\r\n"
    server.raw["/raw/first"] = sends(head + LENGTH + b"Connection: close\r\n\r\n" + PICTURE)
    server.raw["/raw/second"] = sends(LAST)
    lines = [server.url("/raw/first"), server.url("/raw/second")]
    done = crawl(lines, CONCURRENT_REQUESTS=1, PROGRESS_INTERVAL=0.5)
    assert outcomes(done) == [("200", "", 1)] * 2
    told = r"nothing else is left: 1 line waits for 1 host that refused a request or asked for a"
    told += r" pause, tried again in 0:00:0[1-3]; given up after 0:(10|09)"
    assert re.search(told, done.log)


def test_a_pause_holds_for_the_origin(crawl: RunCrawl, server: Server) -> None:
    """Lines of another port of the same host are fetched meanwhile."""
    with serving(HOSTS[:1]) as other:
        server.raw["/raw/a"] = first_then(refuses("4"), sends(LAST))
        lines = [server.url("/raw/a"), server.url("/image/late")]
        lines += [other.url(f"/image/{n}") for n in range(20)]
        done = crawl(lines, CONCURRENT_REQUESTS=1)
    assert outcomes(done) == [("200", "", 2), *[("200", "", 1)] * 21]
    assert [int(row["Line"]) for row in done.rows[:20]] == list(range(3, 23))


def test_a_redirect_to_a_host_in_a_pause_waits(crawl: RunCrawl, hosts: Server) -> None:
    """It is the host of the target that refuses."""
    limited = hosts.limited[HOSTS[1]] = LimitedHost(FixedWindow(5, 2))
    targets = [quote(hosts.url(f"/limited/{n}", HOSTS[1]), safe="") for n in range(20)]
    done = crawl([hosts.url(f"/to/{target}") for target in targets], **QUICK)
    assert {row[:2] for row in outcomes(done)} == {("200", "")}
    assert not limited.early()


def test_redirects_within_a_host_that_limits_requests(crawl: RunCrawl, server: Server) -> None:
    """Each line gets to its image, although each of its requests may have to wait."""
    server.limited[HOSTS[0]] = LimitedHost(FixedWindow(10, 2))
    urls = [server.url(f"/to/{quote(f'/limited/{n}', safe='')}") for n in range(20)]
    done = crawl([*urls, server.url("/hops/4/a")], **QUICK)
    assert {row[:2] for row in outcomes(done)} == {("200", "")}
    assert server.hits[f"/to/{quote('/limited/3', safe='')}"] == 1


def test_a_host_that_asks_for_too_long(crawl: RunCrawl, server: Server) -> None:
    """Is asked once more; then its lines fail without being sent."""
    host = server.limited[HOSTS[0]] = LimitedHost(FixedWindow(10, 3_600))
    done = crawl([server.url(f"/limited/{n}.jpg") for n in range(100)], **QUICK)
    reasons = Counter(reason for _, reason, _ in outcomes(done))
    assert reasons[""] == 10
    assert reasons["retry-after-too-long"] == len(host.refused) <= 6 + 2
    assert reasons["host-paused"] == 90 - len(host.refused)


def test_a_line_that_waits_is_fetched_by_the_next_run(tmp_path: Path, server: Server) -> None:
    """After a kill in a pause."""
    host = server.limited[HOSTS[0]] = LimitedHost(FixedWindow(10, 120))
    (tmp_path / "urls.txt").write_text(
        "".join(f"{server.url(f'/limited/{n}.jpg')}\n" for n in range(30))
    )
    words = command(tmp_path, {})
    with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL) as process:
        while not host.refused or server.under_way["all"]:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    host.limit = FixedWindow(100, 1)
    done = run_crawl(tmp_path)
    done.check(30)
    assert {row["Response code"] for row in done.rows} == {"200"}


def test_a_line_that_is_always_refused_delays_no_other_for_long(
    crawl: RunCrawl, server: Server
) -> None:
    """It is given up after RATE_LIMIT_PATIENCE; all other lines of the host are fetched."""
    lines = [server.url("/status/429/always"), *(server.url(f"/image/{n}") for n in range(200))]
    done = crawl(lines, RATE_LIMIT_PATIENCE=4)
    refused, *others = outcomes(done)
    assert refused[:2] == ("429", "rate-limited")
    assert others == [("200", "", 1)] * 200
    assert server.hits["/status/429/always"] <= 16
