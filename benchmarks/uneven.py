"""Compares the adaptive limit with fixed limits, over hosts of different capacity.

Each run takes the same time; after half of it, the capacity of each host changes. Measured are
the images from each host, and how often it refused a request.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from benchmarks.limited import Behaviour
from benchmarks.rivals import ROOT, crawl_command, environment
from benchmarks.scratch import scratch

NAME = "uneven"
ABOUT = (
    "Hosts of limited capacity, with responses after half a second; above it they respond with 429,"
    " reset the connection, or slow down. Their capacity changes after half of the run."
)

# Fixed limits that users may set.
FIXED = (4, 16, 64, 256)
MOST = max(FIXED)

# Bounds of a host's capacity, whose logarithm is uniformly distributed.
CAPACITY = (4, 64)

OVERLOADS = ("429", "reset", "slow")

# Seconds of a run, number of hosts, seed of their capacities.
SECONDS = 120.0
HOSTS = 6
SEED = 9

# Lines per host, more than any run fetches.
LINES = 20_000

REFUSALS = {"429", "reset"}


@dataclass(frozen=True)
class HostResult:
    """Result of one host in one run."""

    host: str
    overload: str
    before: int
    """Its capacity, concurrent requests."""
    after: int
    limit: int
    """Limit of concurrent requests; 0: the adaptive limit."""
    pictures: int
    refusals: int
    """Responses with 429, and resets."""
    peak: int
    """Most concurrent requests."""


def random_behaviours(hosts: int, seed: int) -> dict[str, Behaviour]:
    """Return the behaviour of a number of hosts, by address."""
    dice = random.Random(seed)
    low, high = CAPACITY

    def capacity() -> int:
        return round(math.exp(dice.uniform(math.log(low), math.log(high))))

    return {
        f"127.0.0.{number + 1}": Behaviour(
            OVERLOADS[number % len(OVERLOADS)], capacity(), capacity()
        )
        for number in range(hosts)
    }


def measure(behaviours: dict[str, Behaviour], seconds: float, limit: int) -> list[HostResult]:
    """Run imagefetch for *seconds* with a *limit* for each host; 0: the adaptive limit."""
    with _serving(behaviours, seconds / 2) as server, scratch() as folder:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        _fetch(folder, behaviours, port, seconds, limit)
        found: dict[str, dict[str, Any]] = json.loads(server.communicate()[0])
    return [
        HostResult(
            host,
            behaviour.overload,
            behaviour.before,
            behaviour.after,
            limit,
            found[host]["responses"].get("200", 0),
            sum(found[host]["responses"].get(way, 0) for way in REFUSALS),
            found[host]["peak"],
        )
        for host, behaviour in behaviours.items()
    ]


@contextmanager
def _serving(behaviours: dict[str, Behaviour], change: float) -> Iterator[subprocess.Popen[str]]:
    hosts = json.dumps({name: astuple(m) for name, m in behaviours.items()})
    command = [sys.executable, "-m", "benchmarks.limited", hosts, str(change)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        try:
            yield server
        finally:
            server.kill()


def _fetch(
    folder: Path, behaviours: dict[str, Behaviour], port: int, seconds: float, limit: int
) -> None:
    urls = (
        f"http://{host}:{port}/{number * len(behaviours) + index:07}.jpg"
        for number in range(LINES)
        for index, host in enumerate(behaviours)
    )
    settings = {
        "CONCURRENT_REQUESTS": MOST * len(behaviours),  # so that hosts don't share it
        "CONCURRENT_REQUESTS_PER_DOMAIN": limit or MOST,
        "PACE_ENABLED": not limit,
    }
    fetch(folder, urls, seconds, settings)


def fetch(
    folder: Path, urls: Iterable[str], seconds: float, settings: Mapping[str, object]
) -> None:
    """Run imagefetch on *urls* for *seconds*, then kill it.

    :raises RuntimeError: if it ends earlier
    """
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    command = crawl_command(folder, settings)
    with (folder / "output.log").open("wb") as log:
        environ = environment(Path(os.devnull))
        del environ["SSL_CERT_FILE"], environ["REQUESTS_CA_BUNDLE"]
        run = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                time.sleep(0.2)
                if run.poll() is not None:
                    raise RuntimeError((folder / "output.log").read_text()[-500:])
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()


def compare(seconds: float, hosts: int, seed: int, log: Callable[[str], None]) -> list[HostResult]:
    """Run with the adaptive limit and with each fixed one."""
    behaviours = random_behaviours(hosts, seed)
    results: list[HostResult] = []
    for limit in (0, *FIXED):
        some = measure(behaviours, seconds, limit)
        results += some
        name = f"at most {limit}" if limit else "adaptive"
        refusals = sum(result.refusals for result in some)
        log(f"  {name}: {sum(result.pictures for result in some):,} pictures, "
             f"{refusals:,} refusals")  # fmt: skip
    return results


def shares(results: list[HostResult]) -> dict[str, float]:
    """Return, by host, images with the adaptive limit, as a share of those with the best limit."""
    ours = {result.host: result.pictures for result in results if not result.limit}
    best = {host: max(g.pictures for g in results if g.limit and g.host == host) for host in ours}
    return {host: ours[host] / max(best[host], 1) for host in ours}


def refusals(results: list[HostResult], limit: int) -> int:
    """Return how often all hosts refused a request with *limit*."""
    return sum(result.refusals for result in results if result.limit == limit)


def write_csv(path: Path, results: list[HostResult], machine: str, seconds: float) -> None:
    """Write a row for each host and run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "seconds", "host", "overload", "before", "after", "limit",
                         "pictures", "refusals", "peak"])  # fmt: skip
        writer.writerows([machine, seconds, *astuple(result)] for result in results)


def read_csv(path: Path) -> tuple[str, float, list[HostResult]]:
    """Return machine, seconds and results that `write_csv` wrote."""
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    results = [HostResult(host, way, *map(int, rest)) for _, _, host, way, *rest in rows]
    return rows[0][0], float(rows[0][1]), results


def markdown(results: list[HostResult], seconds: float) -> str:
    """Return a table of images per second and refusals: a row per host, a column per limit."""
    limits = (0, *FIXED)
    heads = [
        "overload",
        "capacity",
        "adaptive",
        *(f"at most {limit}" for limit in FIXED),
        "of best",
    ]
    lines = [f"| {' | '.join(heads)} |", f"|---|---{'|--:' * (len(heads) - 2)}|"]
    share = shares(results)
    for host in share:
        by_limit = {result.limit: result for result in results if result.host == host}
        one = by_limit[0]
        cells = [f"{by_limit[n].pictures / seconds:.1f} ({by_limit[n].refusals:,})" for n in limits]
        row = [one.overload, f"{one.before}, then {one.after}", *cells, f"{share[host]:.0%}"]
        lines.append(f"| {' | '.join(row)} |")
    sums = [f"({refusals(results, limit):,})" for limit in limits]
    lines.append(f"| all | | {' | '.join(sums)} | |")
    return "\n".join(lines) + "\n"
