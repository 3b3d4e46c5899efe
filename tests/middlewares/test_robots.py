"""Tests robots.txt, X-Robots-Tag and the User-Agent header."""

from __future__ import annotations

import pytest
from scrapy import Spider
from scrapy.utils.test import get_crawler

from imagefetch.download.opt_outs.robots_tag import OptOut
from imagefetch.middlewares.robots import HostRobots, NamedRobotsTxtMiddleware
from imagefetch.middlewares.site_rules.robots_txt import Rules, reduce
from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import OK, WHOLE, Endless, outcomes, sends, then_reset
from tests.support.server import Server


@pytest.mark.parametrize(
    ("tags", "applies"),
    [
        (["noai"], True),
        (["NoAI"], True),
        (["nofollow, noimageai"], True),
        (["nofollow", "noai"], True),
        (["imagefetch: noai"], True),
        (["*: noai"], True),
        (["otherbot: nofollow, imagefetch: noai"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], True),
        (["max-image-preview: large, noai"], True),
        ([], False),
        ([""], False),
        (["all"], False),
        (["noarchive, nofollow"], False),
        (["noai-but-other"], False),
        (["otherbot: noai"], False),
        (["otherbot: nofollow, noai"], False),
        (["noindex"], False),
        (["none"], False),
    ],
)
def test_directives(tags: list[str], applies: bool) -> None:
    """A directive applies for all robots or for this one, also among other directives."""
    assert OptOut(["noai", " noimageai"], "imagefetch/1.0").applies(tags) is applies


def test_none_stands_for_noindex() -> None:
    """As specified."""
    assert OptOut(["noindex"], "imagefetch/1.0").applies(["none"])


def test_opted_out_images(crawl: RunCrawl, server: Server) -> None:
    """They are not kept and their bodies not read; the header of a redirect has no effect."""
    tag = b"X-Robots-Tag: nofollow, noai\r\n"
    endless = Endless(OK + tag + b"\r\n", [bytes(65_536)])
    server.raw["/raw/a"] = sends(WHOLE.replace(OK, OK + tag))
    server.raw["/raw/b"] = endless
    server.raw["/raw/c"] = sends(b"HTTP/1.1 302 X\r\nLocation: /image/c\r\n" + tag + b"\r\n")
    server.raw["/raw/d"] = sends(WHOLE.replace(OK, OK + b"X-Robots-Tag: noindex\r\n"))
    lines = [server.url(path) for path in ("/raw/a", "/raw/b", "/raw/c", "/raw/d")]
    opted_out = ("200", "opted-out", 1)
    kept = ("200", "", 1)
    assert outcomes(crawl(lines)) == [opted_out, opted_out, kept, kept]
    assert endless.sent < 16 * 2**20
    assert outcomes(crawl(lines, "-a", "fresh=1", OPT_OUT_DIRECTIVES="noindex")) == [
        kept,
        ("200", "not-an-image", 1),
        kept,
        opted_out,
    ]


ROBOTS = b"User-agent: imagefetch\nDisallow: /image/private/\n"


def test_robots_txt_can_be_obeyed(crawl: RunCrawl, hosts: Server) -> None:
    """It is fetched once per host; URLs that it forbids are not requested, also by redirects."""
    hosts.raw["/robots.txt"] = sends(OK + b"Connection: close\r\n\r\n" + ROBOTS)
    hosts.raw["/raw/to"] = sends(b"HTTP/1.1 302 X\r\nLocation: /image/private/b\r\n\r\n")
    paths = ("/image/a", "/image/private/a", "/raw/to", "/image/c")
    lines = [hosts.url(path, host) for host in HOSTS[:3] for path in paths]
    forbidden = ("FAILED DisallowedByRobots", "robots-disallowed", 1)
    kept = ("200", "", 1)
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    assert outcomes(done) == [kept, forbidden, forbidden, kept] * 3
    assert hosts.hits["/robots.txt"] == 3
    assert not [path for path in hosts.hits if "private" in path]
    assert hosts.headers["/robots.txt"]["user-agent"].startswith("imagefetch/")
    done = crawl(lines, "-a", "fresh=1")
    assert outcomes(done) == [kept] * 12
    assert hosts.hits["/robots.txt"] == 3


def test_a_robots_txt_that_cannot_be_fetched_forbids_nothing(
    crawl: RunCrawl, server: Server
) -> None:
    """The error is logged in one line."""
    server.raw["/robots.txt"] = then_reset()
    done = crawl([server.url("/image/a")], ROBOTSTXT_OBEY=True, RETRY_TIMES=0)
    assert outcomes(done) == [("200", "", 1)]
    assert done.log.count("Error downloading") == 1
    assert "Traceback" not in done.log, done.log


def test_a_robots_txt_that_never_ends(crawl: RunCrawl, server: Server) -> None:
    """Its beginning applies, and no more of it is read."""
    endless = Endless(OK + b"\r\n" + ROBOTS, [b"# so many words\n" * 4_096])
    server.raw["/robots.txt"] = endless
    done = crawl([server.url("/image/a"), server.url("/image/private/a")], ROBOTSTXT_OBEY=True)
    assert [reason for _, reason, _ in outcomes(done)] == ["", "robots-disallowed"]
    assert endless.sent < 16 * 2**20


AGENTS = b"".join(b"User-agent: bot%d\n" % n for n in range(2_000))
RULES = b"".join(b"Disallow: /image/%d/\n" % n for n in range(2_000))


@pytest.mark.parametrize("name", [b"Imagefetch", b"*"])
def test_a_robots_txt_for_thousands_of_robots(crawl: RunCrawl, server: Server, name: bytes) -> None:
    """The reduced rules take no more memory than the rules of one robot, and they apply."""
    body = AGENTS + b"User-agent: " + name + b"\n" + RULES
    server.raw["/robots.txt"] = sends(OK + b"Connection: close\r\n\r\n" + body)
    lines = [server.url(f"/image/{n}/a") for n in (0, 1_999, 2_000)]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    assert [reason for _, reason, _ in outcomes(done)] == ["robots-disallowed"] * 2 + [""]
    rules = reduce(body, "imagefetch/1.0")
    assert rules.lines == 2_000
    assert len(rules.text) < len(RULES) + 100


def test_many_wildcards(crawl: RunCrawl, server: Server) -> None:
    """A URL that can't be matched within bounds counts as forbidden; others are matched."""
    body = b"User-agent: *\n" + b"".join(b"Disallow: *a*%d\n" % n for n in range(20_000))
    server.raw["/robots.txt"] = sends(OK + b"Connection: close\r\n\r\n" + body)
    lines = [server.url("/image/b"), server.url("/image/a1"), server.url("/image/" + 500 * "b")]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    forbidden = "robots-disallowed"
    assert [reason for _, reason, _ in outcomes(done)] == ["", forbidden, forbidden]


def test_caches_are_bounded() -> None:
    """The least recently used hosts are removed: first their parsed rules, then the text."""
    middleware = NamedRobotsTxtMiddleware(get_crawler(Spider, {"ROBOTSTXT_OBEY": True}))
    for number in range(20_000):
        middleware.cache((str(number), ""), HostRobots(Rules(b"x" * 1_000, 20), None))
    assert 5_000 < len(middleware.rules) < 10_000
    assert 100 < len(middleware.parsed) < 1_000
    assert middleware.rules.get(("19999", "")) is not None


def test_user_agent(crawl: RunCrawl, server: Server) -> None:
    """CONTACT is in the User-Agent header, once; if it is empty, the log says so, once."""
    done = crawl([server.url("/image/a")], CONTACT="me@a.example")
    agent = server.headers["/image/a"]["user-agent"]
    assert agent.startswith("imagefetch/")
    assert agent.endswith(" (+me@a.example)")
    assert "CONTACT" not in done.log
    settings = {"CONTACT": "https://a.example/bot", "USER_AGENT": "b (https://a.example/bot)"}
    crawl([server.url("/image/b")], "-a", "fresh=1", **settings)
    assert server.headers["/image/b"]["user-agent"] == settings["USER_AGENT"]
    done = crawl([server.url("/image/c")], "-a", "fresh=1")
    assert done.log.count("CONTACT is empty") == 1
    assert "(" not in server.headers["/image/c"]["user-agent"]


@pytest.mark.parametrize("contact", ["me (at home)", "a\r\nX: y", "né", "a b"])
def test_a_contact_that_a_header_cannot_hold(crawl: RunCrawl, server: Server, contact: str) -> None:
    """It is rejected before the run begins, in one line."""
    done = crawl([server.url("/image/a")], CONTACT=contact)
    assert done.status == 2
    assert "setting CONTACT = " in done.log
    assert not server.hits
