"""Tests which errors are retried, when, and that a waiting line holds no slot."""

from __future__ import annotations

import math
import signal
import subprocess
import time
from collections.abc import Callable
from email.utils import format_datetime, formatdate
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagefetch.middlewares.rate_limit_headers import retry_after
from imagefetch.middlewares.retry import JITTER, backoff
from imagefetch.scheduling.rate_limits.pause_policy import spread
from tests.conftest import HOSTS, ROOT, Crawl, RunCrawl, command, environment, examples
from tests.support.answers import LAST, OK, PICTURE, Answer, Endless, outcomes, sends, then_silent
from tests.support.server import Server, Writer

NOW = 1_800_000_000.0
DAY = 86_400


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", None),
        ("000", None),
        ("120", 120),
        (" 7 ", 7),
        ("007", 7),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - DAY, usegmt=True), None),
        (formatdate(NOW, usegmt=True), None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("Friday, 31-Dec-99 23:59:59 GMT", None),
        (formatdate(NOW + DAY, localtime=False), DAY),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("inf", None),
        ("nan", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    """A number of seconds, or a date; zero, a past date and invalid values count as no header."""
    assert retry_after(header, NOW) == seconds


dates = st.datetimes(timezones=st.timezones() | st.none())


@examples(100)
@given(
    st.text()
    | st.integers().map(str)
    | st.floats().map(str)
    | dates.map(format_datetime)
    | st.builds("{}, {} {} {} {}:{}:{} {}".format, *[st.text(max_size=5) | st.integers()] * 8),
    st.floats(0, 2**40),
)
@example("9" * 5_000, NOW)
@example("Mon, 01 Jan 2020 00:00:00 +" + "9" * 20, NOW)
@example("Mon, 01 Jan 9999 00:00:00 -9999", NOW)
@example("Mon, 01 Jan 0001 00:00:00 +2359", NOW)
def test_retry_after_never_fails(header: str, now: float) -> None:
    """For any value, the result is a finite delay or None."""
    seconds = retry_after(header, now)
    assert seconds is None or (math.isfinite(seconds) and seconds > 0)


@examples(100)
@given(st.integers(1, 10_000), st.floats(0, DAY), st.floats(0, DAY))
def test_backoff(retry: int, delay: float, longest: float) -> None:
    """The delay doubles from one retry to the next up to the maximum, ± jitter."""
    wait = backoff(retry, delay, longest)
    assert 0 <= wait <= longest * 1.001
    due = min(delay * 2.0 ** min(retry - 1, 64), longest / (1 + JITTER))
    assert due * (1 - JITTER) * 0.999 <= wait <= due * (1 + JITTER) * 1.001


@pytest.mark.parametrize("retry", [1, 2, 50])
def test_delays_have_jitter(retry: int) -> None:
    """At the maximum too."""
    waits = {backoff(retry, 2, 60) for _ in range(100)}
    assert len(waits) == 100
    assert max(waits) > min(waits) * 1.2


@examples(100)
@given(st.floats(0, 30 * DAY))
def test_spread(seconds: float) -> None:
    """Never less than the server requested, and not much more."""
    assert seconds <= spread(seconds) <= seconds * 1.1


def refuses(status: int, retry_after: str) -> Answer:
    """Return a response of *status* with a Retry-After header."""
    head = f"HTTP/1.1 {status} No\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n"
    return sends(head.encode("latin-1"))


def test_transient_statuses_are_retried(crawl: RunCrawl, server: Server) -> None:
    """RETRY_TIMES times; all other statuses get one request."""
    again = [408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530]
    once = [400, 401, 403, 404, 405, 407, 410, 418, 451, 501, 505, 525, 599]
    paths = [f"/status/{status}/a" for status in again + once]
    found = outcomes(crawl([server.url(path) for path in paths], RETRY_TIMES=2))
    attempts = [3] * len(again) + [1] * len(once)
    assert [(int(code), tries) for code, _, tries in found] == list(
        zip(again + once, attempts, strict=True)
    )
    assert [server.hits[path] for path in paths] == attempts


def test_retries_can_be_disabled(crawl: RunCrawl, server: Server) -> None:
    """With RETRY_TIMES = 0 each line gets one request."""
    found = outcomes(crawl([server.url("/status/503/a"), server.url("/raw/no")], RETRY_TIMES=0))
    assert [tries for *_, tries in found] == [1, 1]
    assert sum(server.hits.values()) == 2


TOO_LONG = "retry-after-too-long"

# Response; code, reason and attempts of the only line of a host that has no patience
RETRY_AFTER: list[tuple[Answer, tuple[str, str, int]]] = [
    (refuses(429, "1"), ("429", "rate-limited", 3)),
    (refuses(503, "1"), ("503", "server-error", 3)),
    (refuses(403, "1"), ("403", "unauthorized", 3)),
    (refuses(429, "-1"), ("429", "rate-limited", 3)),
    (refuses(429, "soon"), ("429", "rate-limited", 3)),
    (refuses(429, str(DAY)), ("429", TOO_LONG, 1)),
    (refuses(503, str(DAY)), ("503", TOO_LONG, 1)),
    (refuses(403, str(DAY)), ("403", TOO_LONG, 1)),
    (refuses(503, formatdate(time.time() + DAY, usegmt=True)), ("503", TOO_LONG, 1)),
    (refuses(503, "9" * 400), ("503", TOO_LONG, 1)),
    (refuses(404, "0"), ("404", "not-found", 1)),
    (refuses(404, str(DAY)), ("404", "not-found", 1)),
    (refuses(403, "soon"), ("403", "unauthorized", 1)),
]


def test_retry_after_is_obeyed(crawl: RunCrawl, hosts: Server) -> None:
    """It costs no try; beyond RETRY_AFTER_MAX there is no retry."""
    hosts.raw.update({f"/raw/{n}": answer for n, (answer, _) in enumerate(RETRY_AFTER)})
    lines = [hosts.url(path, host) for path, host in zip(hosts.raw, HOSTS, strict=False)]
    settings = {"RETRY_AFTER_MAX": 600, "RATE_LIMIT_PATIENCE": 0}
    assert outcomes(crawl(lines, RETRY_TIMES=0, **settings)) == [row for _, row in RETRY_AFTER]
    assert [hosts.hits[path] for path in hosts.raw] == [row[-1] for _, row in RETRY_AFTER]


def test_an_invalid_retry_after_is_ignored(crawl: RunCrawl, server: Server) -> None:
    """RETRY_DELAY applies, as without the header."""
    past = "Fri, 31 Dec 1999 23:59:59 GMT"
    for n, text in enumerate(["-1", "soon", "", "1.5", "\xff\xfe", "inf", "0", past]):
        server.raw[f"/raw/{n}"] = refuses(503, text)
    found = outcomes(crawl([server.url(path) for path in server.raw], RETRY_TIMES=1))
    assert found == [("503", "server-error", 2)] * 8


def test_retry_after_is_waited_for(crawl: RunCrawl, hosts: Server) -> None:
    """By all lines of the host; fifty requests to another host are sent meanwhile, although
    RETRY_DELAY is 0."""
    answers = [refuses(503, "3"), sends(LAST)]

    async def in_turn(writer: Writer) -> None:
        await answers.pop(0)(writer)

    hosts.raw["/raw/a"] = in_turn
    others = [hosts.url(f"/image/{n}", HOSTS[1]) for n in range(50)]
    lines = [hosts.url("/raw/a"), *others, hosts.url("/image/last")]
    done = crawl(lines, RETRY_TIMES=0, RETRY_DELAY=0, CONCURRENT_REQUESTS=1)
    assert outcomes(done) == [("200", "", 2), *[("200", "", 1)] * 51]
    assert hosts.arrived[0] == "/raw/a"
    assert set(hosts.arrived[51:]) == {"/raw/a", "/image/last"}


@pytest.fixture
def stopped(tmp_path: Path) -> Callable[..., Crawl]:
    """Return a function that runs a crawl for a number of rows, then sends it a signal."""

    def run(lines: list[str], rows: int, number: signal.Signals, **settings: object) -> Crawl:
        (tmp_path / "urls.txt").write_text("\n".join(lines))
        report = tmp_path / "REPORT.csv"
        with subprocess.Popen(
            command(tmp_path, settings),
            cwd=ROOT,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not report.exists() or report.read_bytes().count(b"\r\n") < rows + 1:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            _, log = process.communicate(timeout=120)
        return Crawl(process.returncode, log, tmp_path)

    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("reactor", [True, False])
def test_waiting_lines_hold_no_slot_and_delay_no_stop(
    hosts: Server, stopped: Callable[..., Crawl], number: signal.Signals, reactor: bool
) -> None:
    """With two slots and twenty lines that wait for an hour, all other lines are fetched. When
    only those twenty remain, a signal ends the run at once."""
    slow = [hosts.url(f"/status/503/{n}", HOSTS[1]) for n in range(20)]
    quick = [hosts.url(f"/image/{n}.jpg") for n in range(200)]
    lines = [*slow[:10], *quick[:100], *slow[10:], *quick[100:]]
    done = stopped(
        lines,
        200,
        number,
        CONCURRENT_REQUESTS=2,
        RETRY_DELAY=3_600,
        RETRY_MAX_DELAY=3_600,
        TWISTED_REACTOR_ENABLED=reactor,
    )
    assert done.status == 3, done.log
    assert "Traceback" not in done.log, done.log
    done.check(200)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert sum(count for path, count in hosts.hits.items() if path.startswith("/status")) == 20


def test_no_retry_begins_after_a_signal(hosts: Server, tmp_path: Path) -> None:
    """Lines that fail after the signal are left to the next run, which keeps the stop short."""
    hosts.raw.update({f"/raw/{n}": then_silent() for n in range(9)})
    (tmp_path / "urls.txt").write_text("\n".join(hosts.url(path) for path in hosts.raw))
    settings = {"CONCURRENT_REQUESTS": 3, "DOWNLOAD_TIMEOUT": 2, "RETRY_DELAY": 0}
    with subprocess.Popen(
        command(tmp_path, settings), cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        while hosts.under_way["all"] < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=120)
    assert process.returncode == 3, log
    assert "Traceback" not in log, log
    assert Crawl(3, log, tmp_path).rows == []
    assert hosts.arrived == ["/raw/0", "/raw/1", "/raw/2"]


def test_waiting_lines_are_retried(crawl: RunCrawl, hosts: Server) -> None:
    """When their delay is over, after all lines that don't wait."""
    slow = [hosts.url(f"/later/1/503/{n}", HOSTS[1]) for n in range(20)]
    quick = [hosts.url(f"/image/{n}.jpg") for n in range(50)]
    done = crawl([*slow, *quick], CONCURRENT_REQUESTS=2, RETRY_DELAY=4)
    found = outcomes(done)
    assert found == [("200", "", 2)] * 20 + [("200", "", 1)] * 50
    assert {path.split("/")[1] for path in hosts.arrived[-20:]} == {"later"}


def test_the_duration_is_bounded(crawl: RunCrawl, server: Server) -> None:
    """Each line gets at most RETRY_TIMES + 1 requests, each of at most DOWNLOAD_TIMEOUT seconds.
    So the number of slots and the retry delays bound the duration of a run."""
    server.raw.update({f"/raw/{n}": then_silent() for n in range(6)})
    drops = Endless(OK + b"\r\n" + PICTURE, [b"\0"], pause=0.05)
    server.raw.update({f"/raw/drops/{n}": drops for n in range(6)})
    header = Endless(OK + b"X: ", [b"y"], pause=0.05)
    server.raw.update({f"/raw/header/{n}": header for n in range(6)})
    lines, slots, deadline, tries = len(server.raw), 6, 0.5, 2
    done = crawl(
        [server.url(path) for path in server.raw],
        CONCURRENT_REQUESTS=slots,
        DOWNLOAD_TIMEOUT=deadline,
        RETRY_TIMES=tries - 1,
    )
    assert outcomes(done) == [("FAILED DownloadTimeout", "download-timeout", tries)] * lines
    assert set(server.hits.values()) == {tries}
    requests = 6 * tries
    for answer in (drops, header):
        pieces = answer.sent - requests * len(answer.begin)
        assert pieces <= requests * (deadline / answer.pause + 2)
