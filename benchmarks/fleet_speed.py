"""python -m benchmarks.fleet_speed: one process, and a fleet of two, on *small*, in turn.

crawl            scrapy crawl images
fleet            scrapy fleet --workers 2, its cluster's start and end included
one worker       scrapy fleet --workers 1, one shard
eleven shards    the same in shards of an eleventh: what each adds is a shard's overhead
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.compare import check
from benchmarks.measure import Usage, run
from benchmarks.rivals import Task, environment
from benchmarks.scratch import scratch
from benchmarks.server import Unavailable, serving
from benchmarks.workloads import WORKLOADS, Workload

SHARDS = 11


def words(task: Task, *more: str) -> list[str]:
    """Return a command line of scrapy's for *task*."""
    settings = [f"FILES_STORE={task.out}", "ALLOWED_NETWORKS=127.0.0.0/8"]
    given = [word for setting in settings for word in ("-s", setting)]
    given += ["-a", f"urls={task.list}", "-a", f"report={task.folder / 'REPORT.csv'}"]
    return [sys.executable, "-m", "scrapy", *more, *given]


def commands(task: Task, lines: int) -> dict[str, list[str]]:
    """Return what is compared."""
    small = ["-s", f"SHARD_SIZE={-(-lines // SHARDS)}"]
    return {
        "crawl": words(task, "crawl", "images"),
        "fleet": words(task, "fleet", "--workers", "2"),
        "one worker": words(task, "fleet", "--workers", "1", "-s", f"SHARD_SIZE={lines}"),
        "eleven shards": words(task, "fleet", "--workers", "1", *small),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_speed")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="times 10,000 pictures")
    given = parser.parse_args()
    workload = WORKLOADS["small"].scaled(given.scale)
    took: dict[str, list[Usage]] = {}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="imagefetch-site-") as folder,
            serving(Path(folder), [workload]) as site,
        ):
            urls = list(site.urls(workload))
            for _ in range(given.repeats):
                once(urls, workload, site.authority, took)
    except Unavailable as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    pairs = zip(took["crawl"], took["fleet"], strict=True)
    ratio = statistics.median(one.wall / two.wall for one, two in pairs)
    pairs = zip(took["one worker"], took["eleven shards"], strict=True)
    overhead = statistics.median((many.wall - one.wall) / (SHARDS - 1) for one, many in pairs)
    print(f"fleet of two: {ratio:.2f} times as fast; overhead of a shard: {overhead:.2f} s")
    return 0


def once(
    urls: list[str], workload: Workload, authority: Path, took: dict[str, list[Usage]]
) -> None:
    """Run each once; add what it took."""
    for name in commands(Task(urls, Path(), authority), workload.pictures):
        with scratch() as folder:
            task = Task(urls, folder, authority)
            task.list.write_text("".join(f"{url}\n" for url in urls))
            command = commands(task, workload.pictures)[name]
            usage = run(command, folder, environment(authority), limit=3_600)
            check(task, workload.digests(), report=True)
        took.setdefault(name, []).append(usage)
        print(f"{name:14} {usage.wall:6.1f} s, CPU {usage.cpu:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
