"""Tests opt-outs of hosts: in robots.txt, in tdmrep.json and in response headers."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.conftest import HOSTS, RunCrawl
from tests.support.raw_responses import OK, WHOLE, Answer, Endless, outcomes, sends, then_reset
from tests.support.server import Server, Writer

KEPT = ("200", "", 1)
REFUSED = ("200", "opted-out", 1)
NOT_SENT = ("FAILED OptedOut", "opted-out", 1)
TDMREP = "/.well-known/tdmrep.json"


def text(body: bytes) -> Answer:
    """Return an answer whose body is *body*."""
    return sends(OK + b"Connection: close\r\n\r\n" + body)


def rules(*rules: dict[str, object]) -> Answer:
    return text(json.dumps(rules).encode())


def reserved(location: str, value: object = 1) -> dict[str, object]:
    return {"location": location, "tdm-reservation": value}


def with_header(header: bytes) -> Answer:
    """Return the answer of an image with *header*."""
    return sends(WHOLE.replace(OK, OK + header + b"\r\n"))


def test_response_headers(crawl: RunCrawl, server: Server) -> None:
    """They apply without ROBOTSTXT_OBEY; the summary says which signal applied how often."""
    answers = {
        "/raw/a": (b"tdm-reservation: 1", REFUSED),
        "/raw/b": (b"Content-Usage: search=y, train-ai=n", REFUSED),
        "/raw/c": (b"Content-Signal: search=yes,ai-train=no", REFUSED),
        "/raw/d": (b"TDM-Reservation: 1", REFUSED),
        "/raw/e": (b"tdm-reservation: 0", KEPT),
        "/raw/f": (b"tdm-reservation: 2", KEPT),
        "/raw/g": (b"Content-Usage: search=n", KEPT),
        "/raw/h": (b"Content-Signal: ai-input=no, ai-train=yes", KEPT),
        "/raw/i": (b"X-Robots-Tag: noai", REFUSED),
    }
    for path, (header, _) in answers.items():
        server.raw[path] = with_header(header)
    done = crawl(map(server.url, answers))
    assert outcomes(done) == [outcome for _, outcome in answers.values()]
    assert (
        "opted out   2 tdmrep, 1 content-signal:ai-train, 1 content-usage:train-ai, 1 x-robots-tag"
    ) in done.log
    assert not {"/robots.txt", TDMREP} & server.hits.keys()


def test_which_signals_apply(crawl: RunCrawl, server: Server) -> None:
    """Those of OPT_OUT_SIGNALS, each with the use that it opts out of."""
    server.raw["/raw/a"] = with_header(b"Content-Signal: search=no, ai-train=no")
    server.raw["/raw/b"] = with_header(b"X-Robots-Tag: noai")
    server.raw["/raw/c"] = with_header(b"tdm-reservation: 1")
    lines = [server.url(f"/raw/{name}") for name in "abc"]
    done = crawl(lines, OPT_OUT_SIGNALS="content-signal:search,tdmrep")
    assert outcomes(done) == [REFUSED, KEPT, REFUSED]
    assert "1 content-signal:search, 1 tdmrep" in done.log
    done = crawl(lines, "-a", "fresh=1", OPT_OUT_SIGNALS="", ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [KEPT] * 3
    assert TDMREP not in server.hits
    assert "opted out" not in done.log


def test_an_unknown_signal(crawl: RunCrawl, server: Server) -> None:
    """It is refused before the run begins, in one line that names the known ones."""
    done = crawl([server.url("/image/a")], OPT_OUT_SIGNALS="tdmrep,content-signal")
    assert done.status == 2
    assert "setting OPT_OUT_SIGNALS = 'tdmrep,content-signal': must be a list of" in done.log
    assert "content-signal:ai-train" in done.log
    assert not server.hits


ROBOTS = b"""\
User-agent: *
Disallow: /image/private/
Content-Signal: search=yes,ai-train=no
Content-Signal: /image/free/ ai-train=yes
Content-Usage: /image/free/ab*f train-ai=n
"""


def test_preferences_of_robots_txt(crawl: RunCrawl, server: Server) -> None:
    """The longest path that matches decides, for each kind of rule; such lines are not requested.
    What may not be crawled has no preferences. Without ROBOTSTXT_OBEY nothing is asked."""
    server.raw["/robots.txt"] = text(ROBOTS)
    server.raw["/raw/to"] = sends(b"HTTP/1.1 302 X\r\nLocation: /image/z\r\n\r\n")
    paths = ["/image/a", "/image/free/a", "/image/free/abcdef", "/image/private/a"]
    lines = [server.url(path) for path in paths]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    forbidden = ("FAILED DisallowedByRobots", "robots-disallowed", 1)
    assert outcomes(done) == [NOT_SENT, KEPT, NOT_SENT, forbidden]
    assert not server.hits.keys() & {"/image/a", "/image/free/abcdef"}
    assert "opted out   1 content-signal:ai-train, 1 content-usage:train-ai" in done.log
    assert outcomes(crawl(lines, "-a", "fresh=1")) == [KEPT] * 4
    assert server.hits["/robots.txt"] == 1


def test_preferences_of_another_robot(crawl: RunCrawl, server: Server) -> None:
    """They do not apply; those before the first group apply to every robot."""
    body = b"Content-Usage: /image/b train-ai=n\nUser-agent: other\nContent-Signal: ai-train=no\n"
    server.raw["/robots.txt"] = text(body)
    done = crawl([server.url("/image/a"), server.url("/image/b")], ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [KEPT, NOT_SENT]


def test_reservations_of_an_origin(crawl: RunCrawl, hosts: Server) -> None:
    """tdmrep.json is fetched once per origin; lines that it reserves are not requested, also as
    targets of redirects. The first rule that matches applies."""
    hosts.raw[TDMREP] = rules(
        reserved("/image/free/", 0), reserved("/image/*.jpg$"), reserved("/image/free/b")
    )
    hosts.raw["/raw/to"] = sends(b"HTTP/1.1 302 X\r\nLocation: /image/c.jpg\r\n\r\n")
    paths = ("/image/a.jpg", "/image/a.png", "/image/free/b.jpg", "/raw/to")
    lines = [hosts.url(path, host) for host in HOSTS[:3] for path in paths]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [NOT_SENT, KEPT, KEPT, NOT_SENT] * 3
    assert hosts.hits[TDMREP] == 3
    assert hosts.hits["/image/a.jpg"] == hosts.hits["/image/c.jpg"] == 0
    assert "opted out   6 tdmrep" in done.log
    assert hosts.headers[TDMREP]["user-agent"].startswith("imagefetch/")
    assert outcomes(crawl(lines, "-a", "fresh=1")) == [KEPT] * 12
    assert hosts.hits[TDMREP] == 3


def test_a_header_supersedes_the_file(crawl: RunCrawl, server: Server) -> None:
    """If the file does not reserve the URL, the response still may."""
    server.raw[TDMREP] = rules(reserved("/", 0))
    server.raw["/raw/a"] = with_header(b"tdm-reservation: 1")
    assert outcomes(crawl([server.url("/raw/a")], ROBOTSTXT_OBEY=True)) == [REFUSED]


@pytest.mark.parametrize(
    "answer",
    [
        sends(b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n[]"),
        sends(b'HTTP/1.1 500 X\r\n\r\n[{"location": "/", "tdm-reservation": 1}]'),
        then_reset(),
        sends(b"no HTTP at all"),
        text(b"<html>"),
        text(b""),
        text(b"[" * 100_000),
        text(b'{"location": "/", "tdm-reservation": 1}'),
        text(b'[1, null, [], {}, {"location": 1, "tdm-reservation": 1}, {"location": "/"}]'),
        rules(reserved("/", None), reserved("/", 2), reserved("/", [1]), reserved("/", True)),
        text(b"[" + b"1" * 10_000 + b"]"),
        Endless(OK + b"\r\n", [b"[" + b" " * 65_535]),
    ],
)
def test_files_without_a_reservation(crawl: RunCrawl, server: Server, answer: Answer) -> None:
    """A file that is missing, unreachable or malformed reserves nothing."""
    server.raw[TDMREP] = answer
    done = crawl([server.url("/image/a")], ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [KEPT]
    assert done.log.count("tdmrep.json") <= 1
    if isinstance(answer, Endless):
        assert answer.sent < 16 * 2**20


def test_a_file_with_many_rules(crawl: RunCrawl, server: Server) -> None:
    """10,000 locations, many of them with wildcards, are matched; a URL that can't be matched
    within bounds counts as reserved."""
    locations = [*(f"/x{number}" for number in range(8_000)), *(["/*a*b*c*d"] * 2_000)]
    server.raw[TDMREP] = rules(*map(reserved, [*locations, "/image/b"]))
    long = "/image/" + 20_000 * "a"
    lines = [server.url(path) for path in ("/image/a", "/image/b", "/image/abcd", long)]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [KEPT, NOT_SENT, NOT_SENT, NOT_SENT]


def test_a_slow_file_delays_no_other_host(crawl: RunCrawl, hosts: Server) -> None:
    """Lines of other hosts are done before it arrives."""

    others_are_done = asyncio.Event()

    async def image(writer: Writer) -> None:
        if hosts.hits["/raw/b"] == 10:
            others_are_done.set()
        await sends(WHOLE)(writer)

    async def file(writer: Writer) -> None:
        if writer.get_extra_info("sockname")[0] == HOSTS[0]:
            await others_are_done.wait()
        await rules(reserved("/image/a"))(writer)

    hosts.raw |= {TDMREP: file, "/raw/b": image}
    lines = [hosts.url("/image/a"), *(hosts.url("/raw/b", host) for host in HOSTS[1:11])]
    done = crawl(lines, ROBOTSTXT_OBEY=True, OPT_OUT_SIGNALS="tdmrep")
    assert outcomes(done) == [NOT_SENT, *[KEPT] * 10]
