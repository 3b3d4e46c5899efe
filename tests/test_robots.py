"""What a site asks of robots is honoured."""

from __future__ import annotations

import pytest

from imagefetch.robots import OptOut
from tests.answers import OK, WHOLE, Endless, outcomes, sends, then_reset
from tests.conftest import HOSTS, RunCrawl
from tests.server import Server


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
    """Those that count, for all robots or for this one, in whatever company."""
    assert OptOut(["noai", " noimageai"], "imagefetch/1.0").applies(tags) is applies


def test_none_stands_for_noindex() -> None:
    """As it is defined."""
    assert OptOut(["noindex"], "imagefetch/1.0").applies(["none"])


def test_pictures_that_are_opted_out(crawl: RunCrawl, server: Server) -> None:
    """They are not kept, and their bodies not read on; a header on the way there is no matter."""
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


def test_robots_txt_is_obeyed_if_so_wished(crawl: RunCrawl, hosts: Server) -> None:
    """It is asked for once a host; what it forbids is not asked for, by a redirect neither."""
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


def test_a_robots_txt_that_cannot_be_had_forbids_nothing(
    crawl: RunCrawl, server: Server, hosts: Server
) -> None:
    """It is worth a line in the log; one that never ends is not taken whole."""
    endless = Endless(OK + b"\r\n", [b"# so many words\n" * 4_096])
    server.raw["/robots.txt"] = endless
    hosts.raw["/robots.txt"] = then_reset()
    lines = [server.url("/image/a"), hosts.url("/image/b")]
    done = crawl(lines, ROBOTSTXT_OBEY=True, RETRY_TIMES=0)
    assert outcomes(done) == [("200", "", 1)] * 2
    assert done.log.count("Error downloading") == 2
    assert 8 * 2**20 < endless.sent < 32 * 2**20


def test_who_asks(crawl: RunCrawl, server: Server) -> None:
    """CONTACT stands in the user agent, once; where there is none, the log says so, once."""
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
    """It ends the run before it begins, in one line."""
    done = crawl([server.url("/image/a")], CONTACT=contact)
    assert done.status == 2
    assert "setting CONTACT = " in done.log
    assert not server.hits
