"""Compares the rate that imagefetch learns with fixed delays, over hosts that limit requests per
second.

Each run takes the same time. Measured are the images from each host, and how often it refused
a request.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.rate_server import Count, RateLimit
from benchmarks.rivals import ROOT
from benchmarks.scratch import scratch
from benchmarks.uneven import fetch

NAME = "rate-limited"
ABOUT = (
    "Hosts that allow so many requests in so many seconds, and then respond with 429, with or"
    " without Retry-After: the rate that is learnt compared with fixed delays."
)

# Requests, and in how many seconds.
LIMITS = [("fixed", 10, 1.0), ("sliding", 50, 10.0), ("bucket", 20, 5.0), ("fixed", 10, 5.0)]

# Fixed delays that users may set, seconds: the best one of each host is among them.
DELAYS = (0.1, 0.2, 0.25, 0.5)

SECONDS = 120.0
LINES = 2_000


@dataclass(frozen=True)
class HostResult:
    """Result of one host in one run."""

    kind: str
    requests: int
    seconds: float
    told: bool
    delay: float
    """Fixed delay, seconds; 0: the rate is learnt."""
    count: Count


def hosts() -> dict[str, RateLimit]:
    """Return the limit of each host, by address: each with and without Retry-After."""
    limits = [RateLimit(*limit, told) for limit in LIMITS for told in (True, False)]
    return {f"127.0.0.{number}": limit for number, limit in enumerate(limits, 1)}


def measure(seconds: float, delay: float) -> list[HostResult]:
    """Run imagefetch for *seconds* with a *delay* for each host; 0: the rate is learnt."""
    limits = hosts()
    arguments = json.dumps({name: astuple(limit) for name, limit in limits.items()})
    command = [sys.executable, "-m", "benchmarks.rate_server", arguments]
    pipe = subprocess.PIPE
    settings = {"DOWNLOAD_DELAY": delay, "RANDOMIZE_DOWNLOAD_DELAY": False} if delay else {}
    with (
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server,
        scratch() as folder,
    ):
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            urls = (
                f"http://{host}:{port}/{number * len(limits) + index:07}.jpg"
                for number in range(LINES)
                for index, host in enumerate(limits)
            )
            fetch(folder, urls, seconds, settings)
            found = json.loads(server.communicate()[0])
        finally:
            server.kill()
    return [
        HostResult(
            limit.kind, limit.requests, limit.seconds, limit.told, delay, Count(**found[host])
        )
        for host, limit in limits.items()
    ]


def compare(seconds: float, log: Callable[[str], None]) -> list[HostResult]:
    """Run with the learnt rate and with each fixed delay."""
    results: list[HostResult] = []
    for delay in (0.0, *DELAYS):
        some = measure(seconds, delay)
        results += some
        name = f"a delay of {delay:g} s" if delay else "learnt"
        accepted, refused, early = (
            sum(getattr(result.count, field) for result in some)
            for field in ("accepted", "refused", "early")
        )
        log(f"  {name}: {accepted:,} pictures, {refused:,} refusals, {early:,} too early")
    return results


def write_csv(path: Path, results: list[HostResult], machine: str, seconds: float) -> None:
    """Write a row for each host and run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "run seconds", "kind", "requests", "seconds", "told", "delay",
                         "accepted", "refused", "late", "late refused", "early"])  # fmt: skip
        for result in results:
            host = (result.kind, result.requests, result.seconds, int(result.told), result.delay)
            writer.writerow([machine, seconds, *host, *astuple(result.count)])


def read_csv(path: Path) -> tuple[str, float, list[HostResult]]:
    """Return machine, seconds and results that `write_csv` wrote."""
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    results = [
        HostResult(kind, int(requests), float(seconds), told == "1", float(delay),
                   Count(*map(int, counts)))
        for _, _, kind, requests, seconds, told, delay, *counts in rows
    ]  # fmt: skip
    return rows[0][0], float(rows[0][1]), results


def shares(results: list[HostResult]) -> list[float]:
    """Return, by host, images at the learnt rate, as a share of those with its best delay."""
    learnt = [result for result in results if not result.delay]
    return [result.count.accepted / max(_best(result, results).count.accepted, 1)
            for result in learnt]  # fmt: skip


def late_refusals(results: list[HostResult]) -> float:
    """Return the share of refused requests after the first minute, of the worst host."""
    counts = [result.count for result in results if not result.delay]
    return max(count.late_refused / max(count.late, 1) for count in counts)


def early(results: list[HostResult]) -> int:
    """Return how many requests were sent in a pause that the host had told."""
    return sum(result.count.early for result in results if not result.delay)


def _best(host: HostResult, results: list[HostResult]) -> HostResult:
    """Return the result of *host* with its best delay: the most images, the fewest refusals."""
    same = [
        result
        for result in results
        if result.delay
        and (result.kind, result.requests, result.seconds, result.told)
        == (host.kind, host.requests, host.seconds, host.told)
    ]
    return max(same, key=lambda result: (result.count.accepted, -result.count.refused))


def markdown(results: list[HostResult], seconds: float) -> str:
    """Return a table: a row per host."""
    lines = [
        "| limit | Retry-After | learnt, images/s | refused | after a minute | best delay, images/s"
        " | refused | of best |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for result in (result for result in results if not result.delay):
        count, best = result.count, _best(result, results)
        name = f"{result.kind}, {result.requests} in {result.seconds:g} s"
        late = f"{count.late_refused / count.late:.1%}" if count.late else ""
        share = count.accepted / max(best.count.accepted, 1)
        lines.append(
            f"| {name} | {'yes' if result.told else 'no'} | {count.accepted / seconds:.2f} |"
            f" {count.refused} | {late} | {best.count.accepted / seconds:.2f} ({best.delay:g} s) |"
            f" {best.count.refused} | {share:.0%} |"
        )
    return "\n".join(lines) + "\n"
