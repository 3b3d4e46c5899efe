"""python -m benchmarks.fleet_speed: one process, and a fleet of two, on *small*, in turn.

crawl            scrapy crawl images
two crawls       the same for each half of the list, both at once: what the cores give
fleet            scrapy fleet --workers 2, its cluster's start and end included
one worker       scrapy fleet --workers 1, one shard
eleven shards    the same in shards of an eleventh: what each adds is a shard's overhead
"""

from __future__ import annotations

import argparse
import shlex
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
HALVES = ("half-1", "half-2")


def words(task: Task, *more: str, part: str = "urls") -> list[str]:
    """Return a command line of scrapy's for *task*, or a *part* of its list."""
    settings = [f"FILES_STORE={task.out}", "ALLOWED_NETWORKS=127.0.0.0/8"]
    given = [word for setting in settings for word in ("-s", setting)]
    report = "REPORT" if part == "urls" else part
    given += ["-a", f"urls={task.folder / part}.txt", "-a", f"report={task.folder / report}.csv"]
    return [sys.executable, "-m", "scrapy", *more, *given]


def commands(task: Task, lines: int) -> dict[str, list[str]]:
    """Return what is compared."""
    small = ["-s", f"SHARD_SIZE={-(-lines // SHARDS)}"]
    halves = [shlex.join(words(task, "crawl", "images", part=half)) for half in HALVES]
    return {
        "crawl": words(task, "crawl", "images"),
        "two crawls": ["sh", "-c", f"{' & '.join(halves)} & wait"],
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
    for name in ("two crawls", "fleet"):
        pairs = zip(took["crawl"], took[name], strict=True)
        ratio = statistics.median(one.wall / two.wall for one, two in pairs)
        print(f"{name}: {ratio:.2f} times as fast as a crawl")
    pairs = zip(took["one worker"], took["eleven shards"], strict=True)
    overhead = statistics.median((many.wall - one.wall) / (SHARDS - 1) for one, many in pairs)
    print(f"overhead of a shard: {overhead:.2f} s")
    return 0


def once(
    urls: list[str], workload: Workload, authority: Path, took: dict[str, list[Usage]]
) -> None:
    """Run each once; add what it took."""
    for name in commands(Task(urls, Path(), authority), workload.pictures):
        with scratch() as folder:
            task = Task(urls, folder, authority)
            lists = {"urls": urls, HALVES[0]: urls[::2], HALVES[1]: urls[1::2]}
            for part, some in lists.items():
                (folder / f"{part}.txt").write_text("".join(f"{url}\n" for url in some))
            command = commands(task, workload.pictures)[name]
            env = environment(authority)
            usage = run(command, folder, env, limit=3_600, watch_memory=False)
            check(task, workload.digests(), report=name != "two crawls")
        took.setdefault(name, []).append(usage)
        print(f"{name:14} {usage.wall:6.1f} s, CPU {usage.cpu:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
