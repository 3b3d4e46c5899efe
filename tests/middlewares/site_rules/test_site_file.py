"""Tests hosts that limit requests for the files that are asked for before their lines."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.conftest import HOSTS, RunCrawl
from tests.support.raw_responses import LENGTH, OK, PICTURE, Answer, outcomes, sends
from tests.support.server import Server, Writer

KEPT = ("200", "", 1)
PAUSED = ("FAILED HostPaused", "host-paused", 0)
ROBOTS = b"User-agent: *\nDisallow: /raw/private\n"
FILES = {"/robots.txt": ROBOTS, "/.well-known/tdmrep.json": b"[]"}
NEXT = b"Content-Length: %d\r\nConnection: close\r\n\r\n"


def status(code: int, *headers: bytes) -> Answer:
    head = b"".join(header + b"\r\n" for header in headers)
    return sends(b"HTTP/1.1 %d X\r\n" % code + head + NEXT % 0)


def body(content: bytes, *headers: bytes) -> Answer:
    head = b"".join(header + b"\r\n" for header in headers)
    return sends(OK + head + NEXT % len(content) + content)


class Asked:
    """Serves files and images; *first* is the answer to the first request for *path*."""

    def __init__(self, server: Server, path: str, first: Answer) -> None:
        self.server, self.path, self.first = server, path, first
        self.began: float | None = None
        """Time of the first request for *path*."""
        self.at: list[tuple[str, float]] = []
        """Paths that were asked for since then, each with the seconds."""
        for name, content in FILES.items():
            server.raw[name] = self._answer(name, body(content))

    def images(self, number: int, host: str = HOSTS[0]) -> list[str]:
        """Return the URLs of so many images."""
        paths = [f"/raw/{index}" for index in range(number)]
        picture = sends(OK + LENGTH + b"Connection: close\r\n\r\n" + PICTURE)
        for path in paths:
            self.server.raw[path] = self._answer(path, picture)
        return [self.server.url(path, host) for path in paths]

    def _answer(self, path: str, answer: Answer) -> Answer:
        async def write(writer: Writer) -> None:
            now = time.monotonic()
            if path == self.path and self.began is None:
                self.began = now
                await self.first(writer)
                return
            if self.began is not None:
                self.at.append((path, now - self.began))
            await answer(writer)

        return write


REFUSALS: dict[str, Callable[[], Answer]] = {
    "429": lambda: status(429, b"Retry-After: 1"),
    "503": lambda: status(503, b"Retry-After: 1"),
    "announced": lambda: body(ROBOTS, b"X-RateLimit-Remaining: 0", b"X-RateLimit-Reset: 1"),
}


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_pause_for_a_file_holds_for_the_host(
    crawl: RunCrawl, server: Server, path: str, refusal: str
) -> None:
    """Neither the file nor an image is asked for before its end, and then one request is sent as
    a probe; the lines lose no try, and what the file says later applies."""
    first = REFUSALS[refusal]()
    asked = Asked(server, path, first)
    lines = [*asked.images(30), server.url("/raw/private")]
    done = crawl(lines, ROBOTSTXT_OBEY=True)
    forbidden = ("FAILED DisallowedByRobots", "robots-disallowed", 1)
    assert outcomes(done) == [*[KEPT] * 30, forbidden]
    assert min(at for _, at in asked.at) >= 1
    assert server.hits[path] == (1 if refusal == "announced" else 2)
    assert "host-paused" not in done.log


def test_a_file_of_a_host_that_asks_for_too_much(crawl: RunCrawl, hosts: Server) -> None:
    """Its lines are given up after a few requests for the file; other hosts go on."""

    async def robots(writer: Writer) -> None:
        is_first = writer.get_extra_info("sockname")[0] == HOSTS[0]
        await (status(429, b"Retry-After: 9000") if is_first else body(ROBOTS))(writer)

    hosts.raw["/robots.txt"] = robots
    lines = [hosts.url(f"/image/{n}", host) for n in range(20) for host in HOSTS[:2]]
    done = crawl(lines, ROBOTSTXT_OBEY=True, OPT_OUT_SIGNALS="")
    assert outcomes(done) == [PAUSED, KEPT] * 20
    assert hosts.hits["/robots.txt"] == 3 + 1
    assert "20 host-paused" in done.log


def test_a_file_that_is_refused_for_good(crawl: RunCrawl, server: Server) -> None:
    """Its host's lines are given up after RATE_LIMIT_PATIENCE."""
    server.raw["/robots.txt"] = status(429)
    lines = [server.url(f"/image/{n}") for n in range(20)]
    done = crawl(lines, ROBOTSTXT_OBEY=True, RATE_LIMIT_PATIENCE=0.1)
    assert outcomes(done) == [PAUSED] * 20
    assert server.hits.keys() == {"/robots.txt"}
    assert 3 <= server.hits["/robots.txt"] <= 20


def test_a_file_that_another_host_refuses(crawl: RunCrawl, hosts: Server) -> None:
    """After a redirect, the lines that need the file wait as for their own host."""
    target = hosts.url("/robots.txt", HOSTS[1]).encode()
    asked = Asked(hosts, "/robots.txt", status(302, b"Location: " + target))
    lines = asked.images(20)
    refusals: list[float] = []

    async def robots(writer: Writer) -> None:
        if writer.get_extra_info("sockname")[0] == HOSTS[0]:
            await asked.first(writer)
            return
        refusals.append(time.monotonic())
        await (status(429, b"Retry-After: 1") if len(refusals) == 1 else body(ROBOTS))(writer)

    hosts.raw["/robots.txt"] = robots
    assert outcomes(crawl(lines, ROBOTSTXT_OBEY=True, OPT_OUT_SIGNALS="")) == [KEPT] * 20
    assert len(refusals) == 2
    assert refusals[1] - refusals[0] >= 1
