"""Tests of imagefetch.utils.processes.descriptors: runs with a low limit on open files."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy import Request

from tests.conftest import LOOPBACK, ROOT, Crawl, command, environment
from tests.support.handling import connections, handler
from tests.support.server import Server, serving

HOSTS = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1_200)]


def limited(folder: Path, limit: str, lines: list[str], **settings: object) -> Crawl:
    """Crawl *lines* under a *limit*: arguments for bash's ``ulimit``."""
    (folder / "urls.txt").write_text("".join(f"{line}\n" for line in lines))
    words = ["bash", "-c", f'ulimit {limit} && exec "$@"', "bash", *command(folder, settings)]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    return Crawl(done.returncode, done.stderr, folder)


@pytest.mark.parametrize(
    ("limit", "told"), [("-n 128", True), ("-Sn 80", False), ("-n 1024", False)]
)
def test_many_hosts_below_a_low_limit(tmp_path: Path, limit: str, *, told: bool) -> None:
    """Each line gets its row. A soft limit is raised; with a low hard limit, fewer requests are
    in flight, and one log line says so."""
    with serving(["0.0.0.0"]) as server:
        lines = [server.url("/image/a", host) for host in HOSTS]
        done = limited(tmp_path, limit, lines, RETRY_TIMES=0)
        assert server.connections >= len(HOSTS)
    assert done.status == 0, done.log
    assert {row["Response code"] for row in done.rows} == {"200"}
    done.check(len(HOSTS))
    assert done.log.count("ulimit -n") == told


def test_a_limit_that_nothing_can_be_fetched_with(tmp_path: Path) -> None:
    """A limit too low for one request is bad input: one line, and nothing is written."""
    done = limited(tmp_path, "-n 40", ["http://127.0.0.1:9/a.jpg"])
    assert done.status == 2
    assert done.log.count("\n") == 1
    assert "ulimit -n" in done.log
    assert [path.name for path in tmp_path.iterdir()] == ["urls.txt"]


SCRIPT = f"""
import asyncio, os, resource, sys
from urllib.parse import urlsplit
from imagefetch.errors import Failure, LocalError
from scrapy import Request
from tests.support.handling import connections, handler

url, name = sys.argv[1:]

async def run():
    async with handler(ALLOWED_NETWORKS="{LOOPBACK}", RETRY_TIMES=0) as made:
        for number in range(1, 21):
            await made.download_request(Request(url.replace("127.0.0.1", f"127.0.0.{{number}}")))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = 1 + max(map(int, os.listdir("/proc/self/fd")))
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(limit)]
        held = [fd if fd < limit else os.close(fd) for fd in held]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        response = await made.download_request(Request(url.replace("127.0.0.1", name)))
        print(response.status, len(connections(urlsplit(url).port)))

asyncio.run(run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("host", ["127.0.0.99", "localhost"])
def test_kept_connections_make_room(host: str) -> None:
    """Without free descriptors, idle connections are closed for a new one or a DNS lookup."""
    with serving(["0.0.0.0"]) as server:
        words = [sys.executable, "-c", SCRIPT, server.url("/image/a"), host]
        done = subprocess.run(
            words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert (done.stdout, done.returncode) == ("200 1\n", 0), done.stderr


def test_kept_connections_are_bounded(hosts: Server) -> None:
    """Beyond the maximum, the connections that were idle longest are closed."""
    names = [f"127.0.0.{number}" for number in range(1, 11)]

    async def run() -> list[int]:
        async with handler() as made:
            made.session.most_connections = 3
            counted = []
            for name in [*names, *names[-3:], names[0]]:
                await made.download_request(Request(hosts.url("/image/a", name)))
                counted.append(hosts.connections)
            assert len(connections(hosts.port)) == 3
            return counted

    assert asyncio.run(run()) == [*range(1, 11), 10, 10, 10, 11]
