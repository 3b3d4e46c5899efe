"""Tests redirects: allowed and rejected targets, and limits of a chain."""

from __future__ import annotations

import base64

from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import LAST, OK, PICTURE, Answer, sends
from tests.support.server import Server, image

BAD = ("FAILED BadRedirect", "bad-redirect")
ENDLESS = ("FAILED TooManyRedirects", "too-many-redirects")
GOOD = ("200", "")

# Location, with PORT in place of the server's port; Response code and Reason
LOCATIONS: dict[bytes, tuple[str, str]] = {
    b"/image/absolute-path": GOOD,
    b"../image/relative": GOOD,
    b"./../image/dots/../again": GOOD,
    b"http://127.0.0.1:PORT/image/whole-url": GOOD,
    b"HTTP://127.0.0.1:PORT/image/capitals": GOOD,
    b"//127.0.0.2:PORT/image/scheme-relative": GOOD,
    b"http:/image/without-host": GOOD,
    b"/image/a%20b%C3%A9": GOOD,
    b"/image/a b": GOOD,
    b"/image/\xe5\x90\x8d": GOOD,
    b"/image/caf\xe9": GOOD,
    b"/image/%zz": GOOD,
    b"/image/to-a#fragment": GOOD,
    b"http://me:pw@127.0.0.2:PORT/image/with-password": GOOD,
    b"/status/404/a": ("404", "not-found"),
    b"?query": ("404", "not-found"),
    b"": BAD,
    b"  ": BAD,
    b"file:///etc/hostname": BAD,
    b"data:image/png;base64,AAAA": BAD,
    b"javascript:alert(1)": BAD,
    b"ftp://127.0.0.1/a.jpg": BAD,
    b"about:blank": BAD,
    b"mailto:me@a.example": BAD,
    b"http://[::1/": BAD,
    b"http://a example/": BAD,
    b"http://a%41.example/": BAD,
    b"http://a..b/": BAD,
    b"http://" + b"x" * 64 + b".example/": BAD,
    b"http://" + b"a." * 126 + b"ab/": BAD,
    b"//" + b"a." * 126 + b"ab./": BAD,
    b"http://.a/": BAD,
    b"http://" + "\u00fc.".encode() * 60 + b"ab/": BAD,
    b"http://127.0.0.1:port/": BAD,
    b"http://127.0.0.1:99999/": BAD,
    b"http://127.1:PORT/image/short-address": GOOD,
    b"http://2130706433:PORT/image/number": GOOD,
    b"#fragment": ENDLESS,
}


def redirects(location: bytes, status: int = 302) -> Answer:
    """Return a response that redirects to *location*."""
    head = b"HTTP/1.1 %d Moved\r\nLocation: %b\r\n" % (status, location)
    return sends(head + b"Content-Length: 0\r\n\r\n")


def codes(crawl: RunCrawl, urls: list[str], **settings: object) -> list[tuple[str, str]]:
    """Return Response code and Reason of each; redirects don't count as attempts."""
    done = crawl(urls, RETRY_TIMES=1, **settings)
    assert done.status == 0, done.log
    assert "Traceback" not in done.log, done.log
    done.check(len(urls))
    rows = [row for _, row in sorted(done.by_line.items())]
    assert {row["Attempts"] for row in rows} == {"1"}
    return [(row["Response code"], row["Reason"]) for row in rows]


def test_locations(crawl: RunCrawl, hosts: Server) -> None:
    """Each form of Location is followed as by browsers, or rejected with its own reason."""
    port = str(hosts.port).encode()
    for n, location in enumerate(LOCATIONS):
        hosts.raw[f"/raw/{n}"] = redirects(location.replace(b"PORT", port))
    found = codes(crawl, [hosts.url(path) for path in hosts.raw])
    assert dict(zip(LOCATIONS, found, strict=True)) == LOCATIONS
    assert hosts.hits["/image/caf%E9"] == hosts.hits["/image/%E5%90%8D"] == 1
    assert hosts.hits["/image/to-a"] == 1


def test_statuses(crawl: RunCrawl, server: Server) -> None:
    """All five are followed; without a Location they are rejected, even with a Refresh header."""
    statuses = (301, 302, 303, 307, 308)
    for status in statuses:
        bare = b"HTTP/1.1 %d Moved\r\nRefresh: 0; url=/image/no\r\n" % status
        server.raw[f"/raw/{status}"] = redirects(b"/image/%d" % status, status)
        server.raw[f"/raw/bare/{status}"] = sends(bare + b"Content-Length: 0\r\n\r\n")
    found = codes(crawl, [server.url(path) for path in server.raw])
    assert found[::2] == [GOOD] * 5
    assert found[1::2] == [(str(status), "unexpected-status") for status in statuses]
    assert [server.hits[f"/image/{status}"] for status in statuses] == [1] * 5
    assert server.hits["/image/no"] == 0


def test_refresh_is_ignored(crawl: RunCrawl, server: Server) -> None:
    """As a header of an image or a page, and as an element of a page."""
    header = OK + b"Refresh: 0; url=/image/elsewhere\r\n"
    page = b'<meta http-equiv="refresh" content="0; url=/image/elsewhere">'
    server.raw["/raw/picture"] = sends(header + b"\r\n" + PICTURE)
    server.raw["/raw/page"] = sends(header + b"Content-Type: text/html\r\n\r\n" + page)
    found = codes(crawl, [server.url(path) for path in server.raw])
    assert found == [GOOD, ("200", "not-an-image")]
    assert server.hits["/image/elsewhere"] == 0


def test_chains(crawl: RunCrawl, server: Server) -> None:
    """Exactly REDIRECT_MAX_TIMES redirects are followed; a loop of any length is rejected."""
    server.raw["/raw/self"] = redirects(b"/raw/self")
    server.raw["/raw/ping"] = redirects(b"/raw/pong")
    server.raw["/raw/pong"] = redirects(b"/raw/ping")
    paths = ["/hops/4/a", "/hops/5/b", "/raw/self", "/raw/ping"]
    found = codes(crawl, [server.url(path) for path in paths], REDIRECT_MAX_TIMES=4)
    assert found == [GOOD, ENDLESS, ENDLESS, ENDLESS]
    assert [server.hits[f"/hops/{n}/a"] for n in range(5)] == [1] * 5
    assert [server.hits[f"/hops/{n}/b"] for n in range(6)] == [0, 1, 1, 1, 1, 1]
    assert [server.hits[f"/raw/{name}"] for name in ("self", "ping", "pong")] == [1, 1, 1]


def test_redirects_can_be_disabled(crawl: RunCrawl, server: Server) -> None:
    """With REDIRECT_MAX_TIMES = 0 the first redirect is rejected."""
    assert codes(crawl, [server.url("/hops/1/a")], REDIRECT_MAX_TIMES=0) == [ENDLESS]
    assert server.hits["/hops/0/a"] == 0


def test_credentials_stay_with_their_host(crawl: RunCrawl, hosts: Server, server: Server) -> None:
    """Credentials of the line's URL are sent to its origin only, also after redirects there."""
    hosts.raw["/raw/here"] = redirects(b"/image/here")
    hosts.raw["/raw/there"] = redirects(hosts.url("/image/there", HOSTS[1]).encode())
    hosts.raw["/raw/scheme-relative"] = redirects(
        hosts.url("/image/scheme-relative", HOSTS[1]).removeprefix("http:").encode()
    )
    hosts.raw["/raw/whole"] = redirects(hosts.url("/image/whole").encode())
    hosts.raw["/raw/port"] = redirects(server.url("/image/port").encode())
    lines = [hosts.url(path, f"me:pw@{HOSTS[0]}") for path in hosts.raw]
    assert codes(crawl, lines) == [GOOD] * 5
    mine = f"Basic {base64.b64encode(b'me:pw').decode()}"
    told = {path for path, sent in hosts.headers.items() if sent.get("authorization") == mine}
    assert "authorization" not in server.headers["/image/port"]
    assert told == {*hosts.raw, "/image/here", "/image/whole"}


def test_the_limit_of_the_target_host_applies(crawl: RunCrawl, hosts: Server) -> None:
    """If many hosts redirect to one, the limit of that host still holds."""
    target = HOSTS[0]
    paths = [f"/raw/{n}" for n in range(60)]
    for n, path in enumerate(paths):
        hosts.raw[path] = redirects(hosts.url(f"/slow/50/{n}", target).encode())
    lines = [hosts.url(path, HOSTS[1 + n % 6]) for n, path in enumerate(paths)]
    found = codes(crawl, lines, CONCURRENT_REQUESTS_PER_DOMAIN=3)
    assert found == [GOOD] * 60
    assert hosts.peak[target] == 3
    assert max(hosts.peak[host] for host in HOSTS[1:7]) <= 3


def test_a_retry_begins_at_the_line(crawl: RunCrawl, server: Server) -> None:
    """If the last request of a chain fails, the whole chain is retried as one attempt."""
    server.raw["/raw/a"] = redirects(b"/later/1/503/a")
    done = crawl([server.url("/raw/a")])
    assert done.status == 0, done.log
    (row,) = done.rows
    assert (row["Response code"], row["Attempts"]) == ("200", "2")
    assert (server.hits["/raw/a"], server.hits["/later/1/503/a"]) == (2, 2)
    assert (done.images / row["File"]).read_bytes() == image("/later/1/503/a")


def test_a_body_on_the_way_is_not_kept(crawl: RunCrawl, server: Server) -> None:
    """The body of a redirect response is never stored, even if it is an image."""
    head = b"HTTP/1.1 302 Moved\r\nLocation: /raw/end\r\nContent-Length: %d\r\n\r\n"
    server.raw["/raw/a"] = sends(head % len(PICTURE) + PICTURE)
    server.raw["/raw/end"] = sends(LAST.replace(PICTURE, image("/raw/end")[: len(PICTURE)]))
    done = crawl([server.url("/raw/a")])
    done.check(1)
    (row,) = done.rows
    assert (done.images / row["File"]).read_bytes() == image("/raw/end")[: len(PICTURE)]
