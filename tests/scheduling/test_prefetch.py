"""Tests the selection of the next line."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator

import pytest
from scrapy import Request

from imagefetch.line import Line
from imagefetch.scheduling.admission import Admission
from imagefetch.scheduling.circuit_breakers.circuit_breaker import Transition
from imagefetch.scheduling.concurrency.host_limits import HostLimits
from imagefetch.scheduling.delayed import DelayedLines
from imagefetch.scheduling.host_queues import HostQueues
from imagefetch.scheduling.prefetch import Prefetcher, host_of
from imagefetch.urls import origin_of
from tests.conftest import project
from tests.support.steps import steps

LIMIT = 4  # concurrent requests to a host
SLOTS = 10  # to all hosts
LOOKAHEAD = 30


class Run:
    """A crawl without a network: lines are read, queued, in flight, done."""

    def __init__(self, urls: Iterable[str]) -> None:
        self.urls = urls
        self.read = 0
        self.done: list[str] = []
        self.in_flight: dict[Request, str] = {}
        self.hosts = HostQueues(lambda _: LIMIT)
        settings = project(BREAKER_FAILURES=1, RETRY_TIMES=1)
        self.waiting = DelayedLines(settings, HostLimits(settings))
        self.look = Prefetcher(self.hosts, self.waiting, lambda: self.hosts.waiting, LOOKAHEAD)
        self.consumer = asyncio.create_task(self._consume())

    def _lines(self) -> Iterator[Line]:
        for number, url in enumerate(self.urls, 1):
            self.read = number
            yield Line(number, url)

    async def _consume(self) -> None:
        async for line in self.look.lines(self._lines()):
            origin = origin_of(line.text) or ""
            if self.waiting.admit(origin, line, 0) is Admission.WAIT:
                self.waiting.add_blocked(origin, line, 0, None)
            else:
                self.hosts.add(host_of(origin), Request(line.text))

    async def settle(self) -> None:
        """Send all requests that may be sent, until nothing changes."""
        for _ in range(60):
            while len(self.in_flight) < SLOTS:
                request = self.hosts.take(0)
                self.look.slot_is_free = request is None
                if request is None:
                    self.look.wake()
                    break
                self.in_flight[request] = host_of(origin_of(request.url) or "")
                self.look.wake(self.in_flight[request])
            await asyncio.sleep(0)

    def finish(self, request: Request) -> None:
        self.done.append(request.url)
        del self.in_flight[request]
        self.hosts.ended(request)
        self.hosts.free_slots(self.in_flight)

    def of(self, host: str) -> list[Request]:
        return [request for request, name in self.in_flight.items() if name == host]


def running(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_the_next_host_of_a_sorted_list_is_found() -> None:
    """No slot is free while a line of the list may take it. No line is lost or duplicated."""
    urls = [f"http://{host}.example/{n}" for host in "abcd" for n in range(120)]

    async def test() -> None:
        run = Run(urls)
        dice = random.Random(1)
        await run.settle()
        while not run.consumer.done() or run.in_flight or run.hosts.waiting:
            left = {origin_of(url) for url in set(urls) - set(run.done)}
            assert len(run.in_flight) == min(
                SLOTS, sum(min(LIMIT, _left(run, origin, urls)) for origin in left)
            )
            for request in dice.sample(list(run.in_flight), min(5, len(run.in_flight))):
                run.finish(request)
            await run.settle()
        assert sorted(run.done) == sorted(urls)

    running(test)


def _left(run: Run, origin: str | None, urls: list[str]) -> int:
    done = sum(origin_of(url) == origin for url in run.done)
    return sum(origin_of(url) == origin for url in urls) - done


def test_the_list_is_read_no_further_than_needed() -> None:
    """While all slots are taken: up to LOOKAHEAD lines, including the backlog."""
    urls = [f"http://{'abc'[n % 3]}.example/{n}" for n in range(5_000)]

    async def test() -> None:
        run = Run(urls)
        await run.settle()
        assert len(run.in_flight) == SLOTS
        assert SLOTS + LOOKAHEAD <= run.read <= SLOTS + LOOKAHEAD + 1
        run.consumer.cancel()

    running(test)


def test_the_backlog_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a list of one host, slots stay free instead."""
    monkeypatch.setattr("imagefetch.scheduling.prefetch.BACKLOG_MAX", 500)

    async def test() -> None:
        run = Run(f"http://a.example/{n}" for n in range(5_000))
        await run.settle()
        assert len(run.in_flight) == LIMIT
        assert 500 <= run.read <= 500 + LOOKAHEAD + LIMIT
        run.consumer.cancel()

    running(test)


def test_one_line_of_a_blocked_origin_is_queued() -> None:
    """It is the probe; after its success the others follow."""
    dead = [f"http://dead.example/{n}" for n in range(200)]
    urls = [url for n in range(200) for url in (dead[n], f"http://a.example/{n}")]

    async def test() -> None:
        run = Run(urls)
        origin, line = "http://dead.example", Line(0, "")
        assert run.waiting.note(origin, line, 0, failed=True) is Transition.OPEN
        for _ in range(1_000):
            await run.settle()
            for request in run.of("a.example"):
                run.finish(request)
            if len(run.done) == 200:
                break
        assert len(run.waiting) == 1
        probe = run.waiting.take_due(1e9)
        assert probe is not None
        run.look.wake("dead.example", origin)
        await run.settle()
        assert len(run.waiting) == 1  # the next probe
        assert run.waiting.note(origin, probe.line, 0, failed=False) is Transition.CLOSED
        run.look.wake("dead.example", origin)
        while not run.consumer.done() or run.in_flight or run.hosts.waiting:
            await run.settle()
            for request in list(run.in_flight):
                run.finish(request)
        assert len(run.done) == 398
        assert run.waiting.take_unblocked() is not None

    running(test)


@pytest.mark.parametrize("blocked", [False, True], ids=["living", "blocked"])
def test_a_host_may_have_many_origins(*, blocked: bool) -> None:
    """For instance many ports: each line costs the same. Each blocked origin has one line
    queued."""

    def work(origins: int) -> None:
        urls = [
            f"http://a.example:{origin}/{n}" for n in range(3) for origin in range(1, origins + 1)
        ]

        async def test() -> None:
            run = Run(urls)
            if blocked:
                for url in urls[:origins]:
                    run.waiting.note(origin_of(url) or "", Line(0, ""), 0, failed=True)
                await run.settle()
                while len(run.waiting) < origins:
                    run.look.wake("a.example")
                    await run.settle()
            while not blocked and len(run.done) < len(urls):
                for request in list(run.in_flight):
                    run.finish(request)
                await run.settle()
            run.consumer.cancel()

        running(test)

    assert steps(lambda: work(400)) < 2.5 * steps(lambda: work(200))


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("http://a.example/b", "http://a.example", "a.example"),
        ("https://a.example:8443?b=/", "https://a.example:8443", "a.example"),
        ("http://me:secret@A.example:80/", "http://A.example:80", "a.example"),
        ("http://[::1]:80/", "http://[::1]:80", "::1"),
        ("http://127.0.0.1", "http://127.0.0.1", "127.0.0.1"),
    ],
)
def test_origins_and_hosts(url: str, origin: str, host: str) -> None:
    """An origin is scheme, host and port; its host is the name of the downloader slot."""
    assert origin_of(url) == origin
    assert host_of(origin) == host


@pytest.mark.parametrize("url", ["", "a.example/b", "http://", "http:///a", "http://[::1/a"])
def test_a_line_without_origin(url: str) -> None:
    """It is queued like any other line; its row names the error."""
    assert origin_of(url) is None


def test_lines_that_are_pulled_are_not_yielded_again() -> None:
    """Each line comes once, from either side, until all are read."""

    async def run() -> tuple[list[int], list[int]]:
        settings = project()
        hosts = HostQueues(lambda _: LIMIT)
        waiting = DelayedLines(settings, HostLimits(settings))
        look = Prefetcher(hosts, waiting, lambda: 0, LOOKAHEAD)
        lines = (Line(n, f"http://host{n}.example/") for n in range(7))
        pulled, yielded = [line.number for line in look.pull()], []
        async for line in look.lines(lines):
            yielded.append(line.number)
            pulled += [line.number for line in look.pull()]
        look.close()
        return pulled, yielded

    pulled, yielded = asyncio.run(run())
    assert (pulled, yielded) == ([1, 2, 4, 5], [0, 3, 6])


def test_an_error_of_reading_is_raised_to_the_spider() -> None:
    """The engine asks the scheduler for requests and would not tell which line failed."""

    def broken() -> Iterator[Line]:
        yield Line(1, "http://a.example/")
        raise OSError("broken")

    async def run() -> list[int]:
        settings = project()
        hosts = HostQueues(lambda _: LIMIT)
        look = Prefetcher(hosts, DelayedLines(settings, HostLimits(settings)), lambda: 0, LOOKAHEAD)
        found = []
        with pytest.raises(OSError, match="broken"):
            async for line in look.lines(broken()):
                found.append(line.number)
                found += [line.number for line in look.pull()]
        look.close()
        return found

    assert asyncio.run(run()) == [1]
