"""Tests which headers a host gets, and that no redirect takes them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import LAST, outcomes
from tests.support.server import Reader, Server, Writer, serving

A, B = HOSTS[:2]
SHOP = "https://shop.example/page"
HEADERS = json.dumps({A: {"Referer": "https://a.example/", "X-Key": "secret"}})


def to(url: str) -> str:
    return f"/to/{quote(url, safe='')}"


def test_headers_of_a_host(crawl: RunCrawl, hosts: Server) -> None:
    """Other hosts don't get them; they take precedence over those of all lines."""
    done = crawl(
        [hosts.url("/image/a", A), hosts.url("/image/b", B)],
        *("-a", f"referer={SHOP}"),
        HOST_HEADERS=HEADERS,
    )
    assert outcomes(done) == [("200", "", 1)] * 2
    assert hosts.headers["/image/a"]["referer"] == "https://a.example/"
    assert hosts.headers["/image/a"]["x-key"] == "secret"
    assert hosts.headers["/image/b"]["referer"] == SHOP
    assert "x-key" not in hosts.headers["/image/b"]
    assert "secret" not in (done.folder / "REPORT.html").read_text() + done.log


def test_no_header_crosses_to_another_origin(
    crawl: RunCrawl, hosts: Server, tmp_path: Path
) -> None:
    """By a redirect: neither Referer, nor headers of a host, nor credentials. Within the origin
    they stay, and the target gets its own ones."""
    (tmp_path / "netrc").write_text(f"machine {A} login me password pw\ndefault login x password y")
    with serving([A]) as other:
        lines = [
            hosts.url(to(hosts.url("/image/same", A)), A),
            hosts.url(to(hosts.url("/image/other-host", B)), A),
            hosts.url(to(hosts.url("/image/own", A)), B),
            hosts.url("/image/without", B),
        ]
        done = crawl(
            lines,
            *("-a", f"referer={SHOP}"),
            env={"NETRC": str(tmp_path / "netrc")},
            HOST_HEADERS=json.dumps({A: {"X-Key": "secret"}}),
            NETRC=True,
        )
    assert outcomes(done) == [("200", "", 1)] * 4
    same, foreign, own = (hosts.headers[f"/image/{n}"] for n in ("same", "other-host", "own"))
    assert (same["referer"], same["x-key"]) == (SHOP, "secret")
    assert same["authorization"].startswith("Basic ")
    assert not foreign.keys() & {"referer", "x-key", "authorization", "cookie"}
    assert "referer" not in own
    assert own["x-key"] == "secret"
    assert "authorization" not in hosts.headers["/image/without"]
    assert other.arrived == []


def test_cookie_walls(crawl: RunCrawl, server: Server, tmp_path: Path) -> None:
    """A redirect to the same URL is followed as long as its cookies are new; without
    COOKIES_ENABLED it is a loop. A cookie's domain is looked up without a request, also where
    no list of public suffixes is cached."""

    async def wall(reader: Reader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        cookies = [name for name in ("one", "two") if f"{name}=1" in head]
        close = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        found = b"HTTP/1.1 302 Found\r\nLocation: " + path.encode() + b"\r\n"
        if path == "/loop":
            writer.write(found + b"Set-Cookie: same=1; Path=/loop\r\n" + close)
        elif len(cookies) < 2:
            name = b"two" if cookies else b"one"
            writer.write(found + b"Set-Cookie: " + name + b"=1; Path=/\r\n" + close)
        else:
            writer.write(LAST)

    server.greet = wall
    lines = [server.url("/wall"), server.url("/loop")]
    loop = ("FAILED TooManyRedirects", "too-many-redirects", 1)
    with serving(HOSTS[:1]) as elsewhere:
        env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "https_proxy": elsewhere.url("")}
        assert outcomes(crawl(lines, env=env, fork=False, COOKIES_ENABLED=True)) == [
            ("200", "", 1),
            loop,
        ]
    assert elsewhere.connections == 0
    assert outcomes(crawl(lines, "-a", "fresh=1")) == [loop, loop]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-a", "referer=shop"), "setting REFERER = 'shop': must be the http or https address"),
        (("-a", "referer=https://me:pw@a/"), "setting REFERER = "),
        (("-s", "HOST_HEADERS=1"), "setting HOST_HEADERS"),
        (("-s", 'HOST_HEADERS={"a": 1}'), "setting HOST_HEADERS['a']: must be a dictionary"),
        (("-s", 'HOST_HEADERS={"http://a": {}}'), "setting HOST_HEADERS['http://a']: must be the"),
        (("-s", 'HOST_HEADERS={"a": {"b c": "d"}}'), "setting HOST_HEADERS['a']['b c']: the name"),
        (("-s", "NETRC=1"), "setting NETRC: /nowhere/netrc: No such file"),
        (("-s", "REFERRER=https://a/"), "did you mean REFERER"),
    ],
)
def test_bad_input(crawl: RunCrawl, words: tuple[str, ...], told: str) -> None:
    """One line says what is wrong; nothing is fetched."""
    done = crawl(["http://a.example/"], *words, env={"NETRC": "/nowhere/netrc"})
    assert done.status == 2
    assert told in done.log
    assert "Traceback" not in done.log, done.log
    assert ":pw@" not in done.log
    assert len(done.log.strip().splitlines()) == 1
