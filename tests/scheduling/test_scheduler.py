"""Tests limits as the server counts them, fairness, and the bounded look-ahead."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import HOSTS, ROOT, RunCrawl, command, environment, run_crawl
from tests.support.server import Server


@pytest.mark.parametrize(("limit", "pace"), [(4, False), (8, True)])
def test_a_host_never_sees_more_than_its_limit(
    crawl: RunCrawl, hosts: Server, limit: int, pace: bool
) -> None:
    """Including redirects, failures and retries. It may get fewer with an adaptive limit,
    which takes so many 503s for load."""
    lines = []
    for n in range(1_000):
        kind = ("slow/400", "slow/300", "hops/2", "later/1/503", "slow/350")[n % 5]
        lines.append(hosts.url(f"/{kind}/{n}.jpg", HOSTS[n // 5 % 8]))
    limits = {"CONCURRENT_REQUESTS": 64, "CONCURRENT_REQUESTS_PER_DOMAIN": limit}
    crawl(lines, PACE_ENABLED=pace, **limits).check(1_000)
    peaks = {hosts.peak[host] for host in HOSTS[:8]}
    assert max(peaks) <= limit
    if not pace:
        assert peaks == {limit}
    assert hosts.peak["all"] <= 64


def test_all_hosts_together_never_exceed_the_limit(crawl: RunCrawl, hosts: Server) -> None:
    """CONCURRENT_REQUESTS is reached and not exceeded."""
    lines = [hosts.url(f"/slow/900/{n}.jpg", HOSTS[n % 20]) for n in range(240)]
    done = crawl(lines, CONCURRENT_REQUESTS=30)
    done.check(240)
    assert hosts.peak["all"] == 30


def test_a_host_may_have_a_limit_of_its_own(crawl: RunCrawl, hosts: Server) -> None:
    """DOWNLOAD_SLOTS works as documented by Scrapy."""
    lines = [hosts.url(f"/slow/300/{n}.jpg", HOSTS[n % 2]) for n in range(24)]
    slots = f'{{"{HOSTS[0]}": {{"concurrency": 2}}}}'
    crawl(lines, CONCURRENT_REQUESTS_PER_DOMAIN=6, DOWNLOAD_SLOTS=slots).check(24)
    assert (hosts.peak[HOSTS[0]], hosts.peak[HOSTS[1]]) == (2, 6)


def test_hosts_take_turns(crawl: RunCrawl, hosts: Server) -> None:
    """In a list sorted by host, the second host's lines don't wait for all of the first."""
    lines = [hosts.url(f"/slow/10/{n}.jpg", HOSTS[n // 200]) for n in range(400)]
    done = crawl(lines, CONCURRENT_REQUESTS=4, CONCURRENT_REQUESTS_PER_DOMAIN=2)
    first = [int(row["Line"]) <= 200 for row in done.rows[:100]]
    assert 30 <= sum(first) <= 70


def test_the_list_is_read_no_further_than_the_look_ahead(tmp_path: Path, server: Server) -> None:
    """Requests start while nearly all of a long list is unread."""
    (tmp_path / "urls.txt").write_text("")
    arguments = command(tmp_path, {"LOOKAHEAD": 50, "CONCURRENT_REQUESTS": 2})
    arguments[arguments.index(f"urls={tmp_path / 'urls.txt'}")] = f"urls={tmp_path / 'pipe'}"
    lines = [server.url(f"/held/{n}.jpg") for n in range(60)]
    (tmp_path / "pipe").write_text("\n".join([*lines, "end of what may be read"] * 5_000))
    size = (tmp_path / "pipe").stat().st_size
    with subprocess.Popen(arguments, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL) as run:
        while server.under_way["all"] < 2:
            assert run.poll() is None
        offsets = [
            int(line.split()[1])
            for fd in Path(f"/proc/{run.pid}/fdinfo").iterdir()
            if Path(f"/proc/{run.pid}/fd/{fd.name}").resolve() == tmp_path / "pipe"
            for line in fd.read_text().splitlines()
            if line.startswith("pos:")
        ]
        run.terminate()
        server.gate.set()
    assert offsets
    assert min(offsets) < size / 20


def test_a_slow_host_at_the_head_of_the_list_delays_no_other_host(
    tmp_path: Path, hosts: Server
) -> None:
    """All other lines end while the host sends no response, although it has more lines than
    LOOKAHEAD. After a kill, lines of the backlog are fetched like any other."""
    head = [hosts.url(f"/held/{n}.jpg") for n in range(700)]
    others = [hosts.url(f"/image/{n}.jpg", HOSTS[1 + n % 3]) for n in range(300)]
    urls = [*head, *head[600:], *others, others[0]]
    (tmp_path / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    arguments = command(tmp_path, {"LOOKAHEAD": 50, "CONCURRENT_REQUESTS": 32})
    with subprocess.Popen(arguments, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL) as run:
        report = tmp_path / "REPORT.csv"
        while not report.exists() or report.read_bytes().count(b"\r\n") < 302:
            assert run.poll() is None
            time.sleep(0.05)
        assert hosts.peak[HOSTS[0]] == 16
        assert sum(path.startswith("/held/") for path in hosts.arrived) == 16
        run.kill()
    hosts.gate.set()
    done = run_crawl(tmp_path, LOOKAHEAD=50)
    assert done.status == 0, done.log
    done.check(1_101)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert sum(row["Attempts"] == "0" for row in done.rows) == 101
    assert all(hosts.hits[f"/image/{n}.jpg"] == 1 for n in range(300))


def test_the_adaptive_limit_of_a_host(crawl: RunCrawl, hosts: Server) -> None:
    """A host with room for 4 refuses few requests, with a fixed limit of 16 it would be about 200;
    the summary reports the limit."""
    lines = [hosts.url(f"/most/4/{n}.jpg") for n in range(120)]
    settings = {"RETRY_TIMES": 100, "RETRY_MAX_DELAY": 0.5, "CONCURRENT_REQUESTS_PER_DOMAIN": 32}
    done = crawl(lines, **settings)
    assert done.status == 0, done.log
    done.check(120)
    assert {row["Response code"] for row in done.rows} == {"200"}
    assert re.search(r"host +127\.0\.0\.1: \d+ at once, cut by \d+ × 429", done.log)
    assert 0 < hosts.refused[HOSTS[0]] < 100


def test_a_limit_grows_while_throughput_grows(crawl: RunCrawl, hosts: Server) -> None:
    """Up to CONCURRENT_REQUESTS_PER_DOMAIN."""
    lines = [hosts.url(f"/slow/100/{n}.jpg") for n in range(800)]
    crawl(lines, CONCURRENT_REQUESTS_PER_DOMAIN=48).check(800)
    assert 16 < hosts.peak[HOSTS[0]] <= 48
