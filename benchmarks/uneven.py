"""Hosts of different capacity: the limit found out beside fixed ones, host by host.

Every run takes the same seconds. In the middle of it each host's capacity
changes. What counts is how many pictures a host gave, and how often it refused.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from benchmarks.limited import Manner
from benchmarks.rivals import ROOT, environment
from benchmarks.scratch import scratch

NAME = "uneven"
ABOUT = (
    "Hosts that serve so many requests at once, each in half a second, and beyond that answer 429,"
    " reset, or slow down; their capacity changes in mid-run."
)

# Limits that users would fix.
FIXED = (4, 16, 64, 256)
MOST = max(FIXED)

# Bounds of a host's capacity; drawn so that each magnitude is as likely.
CAPACITY = (4, 64)

WAYS = ("429", "reset", "slow")

# Seconds of a run, and hosts.
SECONDS = 120.0
HOSTS = 6
SEED = 9

# Lines of each host: more than any run fetches.
LINES = 20_000

SAYS_NO = {"429", "reset"}


@dataclass(frozen=True)
class Given:
    """What one host gave in one run."""

    host: str
    says_no: str
    before: int
    """Its capacity, requests at once."""
    after: int
    limit: int
    """Of requests at once; 0: found out."""
    pictures: int
    refusals: int
    """429s, or resets."""
    peak: int
    """Most requests that it worked on at once."""


def drawn(hosts: int, seed: int) -> dict[str, Manner]:
    """Return how each of so many hosts serves."""
    dice = random.Random(seed)
    low, high = CAPACITY

    def capacity() -> int:
        return round(math.exp(dice.uniform(math.log(low), math.log(high))))

    return {
        f"127.0.0.{number + 1}": Manner(WAYS[number % len(WAYS)], capacity(), capacity())
        for number in range(hosts)
    }


def measure(manners: dict[str, Manner], seconds: float, limit: int) -> list[Given]:
    """Run imagefetch for so many seconds with a *limit* for each host, 0 to let it find out."""
    with _serving(manners, seconds / 2) as server, scratch() as folder:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        _fetch(folder, manners, port, seconds, limit)
        found: dict[str, dict[str, Any]] = json.loads(server.communicate()[0])
    return [
        Given(
            host,
            manner.says_no,
            manner.before,
            manner.after,
            limit,
            found[host]["answers"].get("200", 0),
            sum(found[host]["answers"].get(way, 0) for way in SAYS_NO),
            found[host]["peak"],
        )
        for host, manner in manners.items()
    ]


@contextmanager
def _serving(manners: dict[str, Manner], change: float) -> Iterator[subprocess.Popen[str]]:
    words = json.dumps({name: astuple(m) for name, m in manners.items()})
    command = [sys.executable, "-m", "benchmarks.limited", words, str(change)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        try:
            yield server
        finally:
            server.kill()


def _fetch(folder: Path, manners: dict[str, Manner], port: int, seconds: float, limit: int) -> None:
    with (folder / "urls.txt").open("w") as urls:
        for number in range(LINES):
            for place, host in enumerate(manners):
                urls.write(f"http://{host}:{port}/{number * len(manners) + place:07}.jpg\n")
    settings = {
        "FILES_STORE": folder / "out",
        "ALLOWED_NETWORKS": "127.0.0.0/8",
        "CONCURRENT_REQUESTS": MOST * len(manners),  # so that hosts don't share it
        "CONCURRENT_REQUESTS_PER_DOMAIN": limit or MOST,
        "PACE_ENABLED": not limit,
    }
    words = [sys.executable, "-m", "scrapy", "crawl", "images"]
    words += ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={folder / 'REPORT.csv'}"]
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    with (folder / "output.log").open("wb") as log:
        environ = environment(Path(os.devnull))
        del environ["SSL_CERT_FILE"], environ["REQUESTS_CA_BUNDLE"]
        run = subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                time.sleep(0.2)
                if run.poll() is not None:
                    raise RuntimeError((folder / "output.log").read_text()[-500:])
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()


def compare(seconds: float, hosts: int, seed: int, tell: Callable[[str], None]) -> list[Given]:
    """Run with each fixed limit, and with what is found out."""
    manners = drawn(hosts, seed)
    results: list[Given] = []
    for limit in (0, *FIXED):
        some = measure(manners, seconds, limit)
        results += some
        name = f"at most {limit}" if limit else "found out"
        refusals = sum(given.refusals for given in some)
        tell(f"  {name}: {sum(given.pictures for given in some):,} pictures, "
             f"{refusals:,} refusals")  # fmt: skip
    return results


def shares(results: list[Given]) -> dict[str, float]:
    """Return, by host, pictures with the limit found out, of those with the best fixed one."""
    ours = {given.host: given.pictures for given in results if not given.limit}
    best = {host: max(g.pictures for g in results if g.limit and g.host == host) for host in ours}
    return {host: ours[host] / max(best[host], 1) for host in ours}


def refusals(results: list[Given], limit: int) -> int:
    """Return how often all hosts refused at a limit."""
    return sum(given.refusals for given in results if given.limit == limit)


def write_csv(path: Path, results: list[Given], machine: str, seconds: float) -> None:
    """Write a row for each host and run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "seconds", "host", "says no", "before", "after", "limit",
                         "pictures", "refusals", "peak"])  # fmt: skip
        writer.writerows([machine, seconds, *astuple(given)] for given in results)


def read_csv(path: Path) -> tuple[str, float, list[Given]]:
    """Return what `write_csv` wrote."""
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    results = [Given(host, way, *map(int, rest)) for _, _, host, way, *rest in rows]
    return rows[0][0], float(rows[0][1]), results


def markdown(results: list[Given], seconds: float) -> str:
    """Return a table: pictures a second and refusals, a host a row, a limit a column."""
    limits = (0, *FIXED)
    heads = ["beyond", "capacity", "found out", *(f"at most {limit}" for limit in FIXED), "of best"]
    lines = [f"| {' | '.join(heads)} |", f"|---|---{'|--:' * (len(heads) - 2)}|"]
    share = shares(results)
    for host in share:
        by_limit = {given.limit: given for given in results if given.host == host}
        one = by_limit[0]
        cells = [f"{by_limit[n].pictures / seconds:.1f} ({by_limit[n].refusals:,})" for n in limits]
        row = [one.says_no, f"{one.before}, then {one.after}", *cells, f"{share[host]:.0%}"]
        lines.append(f"| {' | '.join(row)} |")
    sums = [f"({refusals(results, limit):,})" for limit in limits]
    lines.append(f"| all | | {' | '.join(sums)} | |")
    return "\n".join(lines) + "\n"
