"""Tests of imagefetch.download.addresses.resolver."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest
from scrapy import Request

from imagefetch.download.addresses.resolver import NO_ANSWER_TTL, PooledResolver
from tests.conftest import ROOT, RunCrawl, environment
from tests.support.handling import fetch
from tests.support.server import Server, image

NOT_FOUND = socket.gaierror(socket.EAI_NONAME, "no such name")
NO_ANSWER = socket.gaierror(socket.EAI_AGAIN, "nobody answers")
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]


class Names:
    """A lookup function whose results are set by a test."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.errors: dict[str, OSError] = {}
        self.gate = threading.Event()
        """While it is not set, lookups of names that begin with "slow" hang."""
        self._hanging = threading.Semaphore(0)

    def __call__(self, host: str, *_: object) -> list[tuple[Any, ...]]:
        self.asked[host] += 1
        if host.startswith("slow"):
            self._hanging.release()
            self.gate.wait()
        if host in self.errors:
            raise self.errors[host]
        return FOUND

    async def hanging(self, lookups: int) -> None:
        """Wait until *lookups* more lookups hang."""
        for _ in range(lookups):
            await asyncio.to_thread(self._hanging.acquire)


class Clock:
    """A clock that tests advance, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def names() -> Iterator[Names]:
    """A lookup function; hanging lookups end after the test."""
    made = Names()
    yield made
    made.gate.set()


def test_lookups_that_hang_hold_up_no_other(names: Names) -> None:
    """While fifty lookups hang, a hundred other names are resolved."""

    async def run() -> None:
        resolver = PooledResolver(60, 30, names)
        hanging = [asyncio.create_task(resolver.resolve(f"slow{n}")) for n in range(50)]
        await names.hanging(50)
        for n in range(100):
            assert (await resolver.resolve(f"quick{n}"))[0]["host"] == "127.0.0.1"
        assert not any(task.done() for task in hanging)
        names.gate.set()
        assert len(await asyncio.gather(*hanging)) == 50

    asyncio.run(run())


def test_lookups_at_once_are_bounded(names: Names) -> None:
    """No more lookups run at once than configured; further ones wait."""

    async def run() -> None:
        resolver = PooledResolver(3, 30, names)
        tasks = [asyncio.create_task(resolver.resolve(f"slow{n}")) for n in range(10)]
        await names.hanging(3)
        for _ in range(100):  # iterations of the loop, in which a fourth could start
            await asyncio.sleep(0)
        assert sum(names.asked.values()) == 3
        names.gate.set()
        await asyncio.gather(*tasks)
        assert sum(names.asked.values()) == 10

    asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "kept"), [(NOT_FOUND, 30.0), (NO_ANSWER, NO_ANSWER_TTL)], ids=["none", "no answer"]
)
def test_failures_are_kept_for_a_while(names: Names, error: OSError, kept: float) -> None:
    """A missing name is cached for the configured time; a lookup without reply for less."""
    names.errors["a.example"] = error
    clock = Clock()

    async def run() -> None:
        resolver = PooledResolver(4, 30.0, names, clock)

        async def ask() -> int | None:
            with pytest.raises(OSError) as failure:
                await resolver.resolve("a.example")
            return failure.value.errno

        assert {await ask() for _ in range(1_000)} == {error.errno}
        assert names.asked["a.example"] == 1
        clock.now += kept - 0.01
        await ask()
        assert names.asked["a.example"] == 1
        clock.now += 0.02
        await ask()
        assert names.asked["a.example"] == 2
        clock.now += kept + 0.01
        names.errors.clear()
        assert len(await resolver.resolve("a.example")) == 1

    asyncio.run(run())


def test_failures_are_forgotten_when_there_are_too_many(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of failed lookups is limited."""
    monkeypatch.setattr("imagefetch.download.addresses.resolver.FAILURES_MAX", 10)
    names.errors = {f"n{n}": NOT_FOUND for n in range(11)}

    async def run() -> None:
        resolver = PooledResolver(4, 30, names)
        for name in [*names.errors, "n10", "n9", "n0"]:
            with pytest.raises(OSError):
                await resolver.resolve(name)

    asyncio.run(run())
    assert (names.asked["n10"], names.asked["n9"], names.asked["n0"]) == (1, 1, 2)


def test_a_failure_keeps_no_traceback(names: Names) -> None:
    """Cached failures hold no exceptions, whose tracebacks would keep frames alive."""

    def tracebacks() -> int:
        gc.collect()
        return sum(isinstance(thing, TracebackType) for thing in gc.get_objects())

    async def run() -> int:
        resolver = PooledResolver(4, 30, names)
        before = tracebacks()
        for number in range(200):
            name = f"n{number}"
            names.errors[name] = socket.gaierror(socket.EAI_NONAME, "no such name")
            with pytest.raises(OSError, match="no such name"):
                await resolver.resolve(name)
            names.errors.clear()
        return tracebacks() - before

    assert asyncio.run(run()) < 20


def test_results_are_usable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler connects to the returned addresses, those of the system's resolver, too."""

    def lookup(_: object, __: str, port: int, *rest: int) -> list[tuple[Any, ...]]:
        return socket.getaddrinfo("127.0.0.1", port, *rest)

    assert fetch(Request(server.url("/image/a", "localhost"))).body == image("/image/a")
    monkeypatch.setattr(PooledResolver, "_ask", lookup)
    assert fetch(Request(server.url("/image/a", "a.example"))).body == image("/image/a")


def test_one_that_never_ends_does_not_hold_up_the_program() -> None:
    """A hanging lookup runs in a daemon thread and doesn't delay the exit."""
    script = """
import asyncio, threading
from imagefetch.download.addresses.resolver import PooledResolver

asked = threading.Event()

def hang(*_):
    asked.set()
    threading.Event().wait()

async def run():
    task = asyncio.create_task(PooledResolver(4, 30, hang).resolve("a.example"))
    await asyncio.to_thread(asked.wait)
    task.cancel()

asyncio.run(run())
"""
    words = [sys.executable, "-c", script]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_name_that_does_not_exist(crawl: RunCrawl, server: Server) -> None:
    """Its lines fail by themselves and don't delay other lines."""
    lines = [f"http://x.invalid/{n}.jpg" for n in range(300)]
    lines += [server.url(f"/image/{n}.jpg", "localhost") for n in range(20)]
    done = crawl(lines, RETRY_TIMES=2)
    assert done.status == 0, done.log
    done.check(320)
    try:
        socket.getaddrinfo("x.invalid", 80)
        pytest.skip("this machine's resolver knows every name")
    except socket.gaierror as error:
        missing = error.errno == socket.EAI_NONAME
    rows = {
        (row["Response code"], row["Reason"], row["Attempts"])
        for line, row in done.by_line.items()
        if line <= 300
    }
    if missing:
        assert rows == {("FAILED HostNotFound", "host-not-found", "1")}
    else:
        assert rows == {("FAILED DNSFailure", "dns-failure", "3")}
    assert sum(row["Response code"] == "200" for row in done.rows) == 20
