"""Which line is made ready next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator

import pytest
from scrapy import Request

from imagefetch.scheduling.circuit_breaker import Change
from imagefetch.scheduling.delayed import Waiting
from imagefetch.scheduling.host_queues import Hosts
from imagefetch.scheduling.prefetch import LookAhead, host_of
from imagefetch.urls import Line, origin_of
from tests.conftest import project
from tests.support.steps import steps

LIMIT = 4  # requests at once to a host
PLACES = 10  # to all
LOOKAHEAD = 30


class Run:
    """A crawl without a network: lines are read, made ready, under way, done."""

    def __init__(self, urls: Iterable[str]) -> None:
        self.urls = urls
        self.read = 0
        self.done: list[str] = []
        self.under_way: dict[Request, str] = {}
        self.hosts = Hosts(lambda _: LIMIT)
        self.waiting = Waiting(project(BREAKER_FAILURES=1, RETRY_TIMES=1))
        self.look = LookAhead(self.hosts, self.waiting, lambda: self.hosts.waiting, LOOKAHEAD)
        self.consumer = asyncio.create_task(self._consume())

    def _lines(self) -> Iterator[Line]:
        for number, url in enumerate(self.urls, 1):
            self.read = number
            yield Line(number, url)

    async def _consume(self) -> None:
        async for line in self.look.lines(self._lines()):
            site = origin_of(line.text) or ""
            if self.waiting.admit(site, line, 0) is Change.PARKED:
                self.waiting.park(site, line, 0, None)
            else:
                self.hosts.add(host_of(site), Request(line.text))

    async def settle(self) -> None:
        """Send what may be sent, until nothing more happens."""
        for _ in range(60):
            while len(self.under_way) < PLACES:
                request = self.hosts.take(0)
                self.look.place_is_free = request is None
                if request is None:
                    self.look.wake()
                    break
                self.under_way[request] = host_of(origin_of(request.url) or "")
                self.look.wake(self.under_way[request])
            await asyncio.sleep(0)

    def finish(self, request: Request) -> None:
        self.done.append(request.url)
        del self.under_way[request]
        self.hosts.ended(request)
        self.hosts.free_places(self.under_way)

    def of(self, host: str) -> list[Request]:
        return [request for request, name in self.under_way.items() if name == host]


def running(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_the_next_host_of_a_sorted_list_is_found() -> None:
    """No place is idle while a line is known, or can be, that may take it; nor is a line lost
    or doubled, and a host's lines keep their order."""
    urls = [f"http://{host}.example/{n}" for host in "abcd" for n in range(120)]

    async def test() -> None:
        run = Run(urls)
        dice = random.Random(1)
        await run.settle()
        while not run.consumer.done() or run.under_way or run.hosts.waiting:
            left = {origin_of(url) for url in set(urls) - set(run.done)}
            assert len(run.under_way) == min(
                PLACES, sum(min(LIMIT, _left(run, site, urls)) for site in left)
            )
            for request in dice.sample(list(run.under_way), min(5, len(run.under_way))):
                run.finish(request)
            await run.settle()
        assert sorted(run.done) == sorted(urls)

    running(test)


def _left(run: Run, site: str | None, urls: list[str]) -> int:
    done = sum(origin_of(url) == site for url in run.done)
    return sum(origin_of(url) == site for url in urls) - done


def test_the_list_is_read_no_further_than_need_be() -> None:
    """Where all places are taken, as far as the look-ahead; what is kept back counts."""
    urls = [f"http://{'abc'[n % 3]}.example/{n}" for n in range(5_000)]

    async def test() -> None:
        run = Run(urls)
        await run.settle()
        assert len(run.under_way) == PLACES
        assert PLACES + LOOKAHEAD <= run.read <= PLACES + LOOKAHEAD + 1
        run.consumer.cancel()

    running(test)


def test_what_is_kept_back_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a list of one host: then a place stays idle, as it must."""
    monkeypatch.setattr("imagefetch.scheduling.prefetch.BACKLOG_MAX", 500)

    async def test() -> None:
        run = Run(f"http://a.example/{n}" for n in range(5_000))
        await run.settle()
        assert len(run.under_way) == LIMIT
        assert 500 <= run.read <= 500 + LOOKAHEAD + LIMIT
        run.consumer.cancel()

    running(test)


def test_lines_of_a_parked_site_are_kept_back_but_for_one() -> None:
    """Which is there to probe it; when the site is open again, they go on."""
    dead = [f"http://dead.example/{n}" for n in range(200)]
    urls = [url for n in range(200) for url in (dead[n], f"http://a.example/{n}")]

    async def test() -> None:
        run = Run(urls)
        site, line = "http://dead.example", Line(0, "")
        assert run.waiting.note(site, line, 0, failed=True) is Change.PARKED
        for _ in range(1_000):
            await run.settle()
            for request in run.of("a.example"):
                run.finish(request)
            if len(run.done) == 200:
                break
        assert len(run.waiting) == 1
        probe = run.waiting.take_due(1e9)
        assert probe is not None
        run.look.wake("dead.example", site)
        await run.settle()
        assert len(run.waiting) == 1  # the next
        assert run.waiting.note(site, probe.line, 0, failed=False) is Change.OPENED
        run.look.wake("dead.example", site)
        while not run.consumer.done() or run.under_way or run.hosts.waiting:
            await run.settle()
            for request in list(run.under_way):
                run.finish(request)
        assert len(run.done) == 398
        assert run.waiting.take_opened() is not None

    running(test)


@pytest.mark.parametrize("parked", [False, True], ids=["living", "parked"])
def test_a_host_may_have_many_sites(*, parked: bool) -> None:
    """As on many ports: each line costs the same, however many there are. Of those that are
    parked, one line each is made ready."""

    def work(sites: int) -> None:
        urls = [f"http://a.example:{site}/{n}" for n in range(3) for site in range(1, sites + 1)]

        async def test() -> None:
            run = Run(urls)
            if parked:
                for url in urls[:sites]:
                    run.waiting.note(origin_of(url) or "", Line(0, ""), 0, failed=True)
                await run.settle()
                while len(run.waiting) < sites:
                    run.look.wake("a.example")
                    await run.settle()
            while not parked and len(run.done) < len(urls):
                for request in list(run.under_way):
                    run.finish(request)
                await run.settle()
            run.consumer.cancel()

        running(test)

    assert steps(lambda: work(400)) < 2.5 * steps(lambda: work(200))


@pytest.mark.parametrize(
    ("url", "site", "host"),
    [
        ("http://a.example/b", "http://a.example", "a.example"),
        ("https://a.example:8443?b=/", "https://a.example:8443", "a.example"),
        ("http://me:secret@A.example:80/", "http://A.example:80", "a.example"),
        ("http://[::1]:80/", "http://[::1]:80", "::1"),
        ("http://127.0.0.1", "http://127.0.0.1", "127.0.0.1"),
    ],
)
def test_sites_and_hosts(url: str, site: str, host: str) -> None:
    """A site is scheme, host and port; its host is named as the downloader names it."""
    assert origin_of(url) == site
    assert host_of(site) == host


@pytest.mark.parametrize("url", ["", "a.example/b", "http://", "http:///a", "http://[::1/a"])
def test_what_has_no_site(url: str) -> None:
    """It is made ready like any line: its row says what is wrong with it."""
    assert origin_of(url) is None
