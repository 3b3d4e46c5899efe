"""A run whose own proxy is down ends early, and blames no host."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest
from scrapy import Request

from imagefetch import errors
from imagefetch.download.addresses import proxy_health
from imagefetch.download.handler import StreamingDownloadHandler
from imagefetch.errors import ProxyDown, ProxyFailure
from tests.conftest import HOSTS, RunCrawl
from tests.support.answers import outcomes
from tests.support.handling import handler
from tests.support.proxying import Proxy
from tests.support.server import Server, serving

LINES = [f"http://h{n % 20}.example/{n}.jpg" for n in range(200)]


@pytest.mark.parametrize("name", ["http_proxy", "all_proxy"])
def test_a_proxy_that_is_down(crawl: RunCrawl, dead_port: int, name: str) -> None:
    """One line says so, no line of the list gets a row, and the same command goes on."""
    env = {name: f"http://me:secret@127.0.0.1:{dead_port}"}
    done = crawl(LINES, env=env, RETRY_DELAY=60)
    assert done.status == 3
    assert done.rows == []
    assert "Traceback" not in done.log
    assert "secret" not in done.log
    assert done.log.count("ERROR") == 1
    told = f"proxy-down: http://127.0.0.1:{dead_port}: the proxy accepts no connection"
    assert told in done.log.splitlines()[-1]


def test_the_same_command_goes_on(crawl: RunCrawl, server: Server) -> None:
    """Once the proxy is there, all lines are fetched."""
    lines = [server.url(f"/image/{n}") for n in range(30)]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        env = {"http_proxy": f"http://127.0.0.1:{held.getsockname()[1]}"}
        assert crawl(lines, env=env).status == 3
    with serving(HOSTS[:1]) as front:
        Proxy().serve(front)
        done = crawl(lines, env={"http_proxy": front.url("")})
    assert outcomes(done) == [("200", "", 1)] * 30


def test_a_name_that_does_not_exist(crawl: RunCrawl) -> None:
    """A proxy without an address is down, too."""
    done = crawl(LINES, env={"http_proxy": "http://nobody.invalid:3128"})
    assert (done.status, done.rows) == (3, [])
    assert "proxy-down: http://nobody.invalid:3128: " in done.log


def test_a_proxy_that_refuses_to_connect(crawl: RunCrawl) -> None:
    """It is there: its lines have rows."""
    with serving(HOSTS[:1]) as front:
        Proxy(refuse=lambda _: b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n").serve(front)
        lines = [f"https://h{n}.example/" for n in range(20)]
        done = crawl(lines, env={"https_proxy": front.url("")}, RETRY_TIMES=0)
    assert outcomes(done) == [("FAILED ProxyFailure", "proxy-failure", 1)] * 20


@pytest.mark.skipif("sys.platform != 'linux'", reason="backlogs overflow in other ways elsewhere")
def test_a_proxy_that_does_not_answer(crawl: RunCrawl) -> None:
    """That no connection to it is established in time is its failure, not that of a host."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # they fill the backlog
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        address = f"http://127.0.0.1:{full.getsockname()[1]}"
        env = {"http_proxy": address, "https_proxy": address}
        lines = ["http://a.example/", "https://a.example/"]
        done = crawl(lines, env=env, RETRY_TIMES=0, CONNECT_TIMEOUT=1)
    assert outcomes(done) == [("FAILED ProxyFailure", "proxy-failure", 1)] * 2


async def raised_by(made: StreamingDownloadHandler, proxy: str, times: int) -> list[type]:
    """Return what so many requests through *proxy* raised."""
    found: list[type] = []
    for _ in range(times):
        request = Request("http://a.example/", meta={"proxy": proxy, "retry_times": 1})
        with pytest.raises((errors.Failure, ProxyDown)) as raised:
            await made.download_request(request)
        found.append(raised.type)
    return found


def test_proxies_that_are_left_alone(dead_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that a middleware chose, and all with BREAKER_FAILURES = 0, end no run."""
    dead = f"http://127.0.0.1:{dead_port}"

    async def run(**settings: object) -> list[type]:
        async with handler(**settings) as made:
            return await raised_by(made, dead, 10)

    assert asyncio.run(run()) == [ProxyFailure] * 10
    monkeypatch.setenv("http_proxy", dead)
    assert asyncio.run(run(BREAKER_FAILURES=0)) == [ProxyFailure] * 10
    assert asyncio.run(run()) == [*[ProxyFailure] * 9, ProxyDown]


@pytest.mark.parametrize(("patience", "last"), [(0, ProxyDown), (600, ProxyFailure)])
def test_a_proxy_that_was_there(
    server: Server, monkeypatch: pytest.MonkeyPatch, patience: int, last: type
) -> None:
    """It may be down for a while."""
    monkeypatch.setattr(proxy_health, "PATIENCE", patience)
    with ExitStack() as stack:
        front = stack.enter_context(serving(HOSTS[:1]))
        Proxy().serve(front)
        address = front.url("")
        monkeypatch.setenv("http_proxy", address)

        async def run() -> list[type]:
            async with handler() as made:
                request = Request(server.url("/image/a"), meta={"proxy": address})
                assert (await made.download_request(request)).status == 200
                await asyncio.to_thread(stack.close)
                return await raised_by(made, address, 10)

        assert asyncio.run(run()) == [*[ProxyFailure] * 9, last]
