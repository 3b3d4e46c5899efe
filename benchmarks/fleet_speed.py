"""python -m benchmarks.fleet_speed: compares one process with a fleet of two, on *small*.

crawl            scrapy crawl images
two crawls       a crawl for each half of the list, both at once: the most that the cores allow
fleet            scrapy fleet --workers 2, with start and end of its cluster
one worker       scrapy fleet --workers 1, one shard
eleven shards    the same with eleven shards, which shows the overhead of a shard
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


def scrapy_command(task: Task, *more: str, part: str = "urls") -> list[str]:
    """Return the ``scrapy`` command for *task*, or for a *part* of its list."""
    settings = [f"FILES_STORE={task.out}", "ALLOWED_NETWORKS=127.0.0.0/8"]
    arguments = [word for setting in settings for word in ("-s", setting)]
    report = "REPORT" if part == "urls" else part
    arguments += [
        "-a",
        f"urls={task.folder / part}.txt",
        "-a",
        f"report={task.folder / report}.csv",
    ]
    return [sys.executable, "-m", "scrapy", *more, *arguments]


def commands(task: Task, lines: int) -> dict[str, list[str]]:
    """Return the commands that are compared."""
    small = ["-s", f"SHARD_SIZE={-(-lines // SHARDS)}"]
    halves = [shlex.join(scrapy_command(task, "crawl", "images", part=half)) for half in HALVES]
    return {
        "crawl": scrapy_command(task, "crawl", "images"),
        "two crawls": ["sh", "-c", f"{' & '.join(halves)} & wait"],
        "fleet": scrapy_command(task, "fleet", "--workers", "2"),
        "one worker": scrapy_command(task, "fleet", "--workers", "1", "-s", f"SHARD_SIZE={lines}"),
        "eleven shards": scrapy_command(task, "fleet", "--workers", "1", *small),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_speed")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="factor for 10,000 images")
    options = parser.parse_args()
    workload = WORKLOADS["small"].scaled(options.scale)
    results: dict[str, list[Usage]] = {}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="imagefetch-site-") as folder,
            serving(Path(folder), [workload]) as site,
        ):
            urls = list(site.urls(workload))
            for _ in range(options.repeats):
                once(urls, workload, site.authority, results)
    except Unavailable as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    for name in ("two crawls", "fleet"):
        pairs = zip(results["crawl"], results[name], strict=True)
        ratio = statistics.median(one.wall / two.wall for one, two in pairs)
        print(f"{name}: {ratio:.2f} times as fast as a crawl")
    pairs = zip(results["one worker"], results["eleven shards"], strict=True)
    overhead = statistics.median((many.wall - one.wall) / (SHARDS - 1) for one, many in pairs)
    print(f"overhead of a shard: {overhead:.2f} s")
    return 0


def once(
    urls: list[str], workload: Workload, authority: Path, results: dict[str, list[Usage]]
) -> None:
    """Run each command once; add its result to *results*."""
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
        results.setdefault(name, []).append(usage)
        print(f"{name:14} {usage.wall:6.1f} s, CPU {usage.cpu:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
