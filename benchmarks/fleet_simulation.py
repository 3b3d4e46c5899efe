"""python -m benchmarks.fleet_simulation: simulates a fleet over 10^9 lines, to find its limits.

Nothing is fetched. The shards pass through `ShardQueue` and `FleetView` in simulated time. The
sizes of lines and rows are realistic. The throughput of Dask's scheduler is measured on this
machine, with as many tasks in flight as in a fleet.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import sys
import time
import tracemalloc

from distributed import Client, LocalCluster, as_completed
from scrapy.settings import Settings

from imagefetch.fleet.progress import FleetView
from imagefetch.fleet.shards.plan import DividedGroup
from imagefetch.fleet.shards.queue import ShardQueue
from imagefetch.line import Line
from imagefetch.lists.shards import shard_line
from imagefetch.output.report.csv_rows import encode

URL = "https://images.example.com/2026/11/{:010}/photograph-{:08}.jpg"
SPLIT = 120_000  # lines per second, with both readings of the list; measured on one core
MERGE = 48_000  # rows per second; measured on one core


def row(number: int) -> bytes:
    """Return the row of a stored image."""
    name = f"photograph-{number % 10**8:08}-abcdefghij234567.jpg"
    size = ["231244", "image/jpeg", "1920", "1080", "0123456789abcdef" * 4, "1", "0.213", ""]
    return encode([URL.format(number, number % 10**8), "200", str(number), name, *size])


def simulate(shards: int, workers: int, big: float, size: int, speed: float) -> dict[str, float]:
    """Simulate *workers* that fetch *shards*, a share *big* of which is of one host, at *speed*
    lines per second each.

    Return seconds until all are done, mean idle seconds of a worker, and the peak of the
    client's memory in bytes.
    """
    chance = random.Random(1)
    tracemalloc.start()
    count = int(shards * big)
    lanes = max(1, min(count, 64, round(workers * big)))
    hosts = [DividedGroup(shards - count, count, lanes)] if count else []
    settings = Settings({"PROGRESS": "off", "PROGRESS_INTERVAL": 10})
    queue, view = ShardQueue(shards, hosts, done=()), FleetView(shards * size, 0, {}, settings)
    busy: list[tuple[float, int]] = []
    now = idle = 0.0
    while queue.left:
        while len(busy) < workers and (shard := queue.next()) is not None:
            seconds = size / speed * chance.lognormvariate(0, 0.5) + 2
            heapq.heappush(busy, (now + seconds, shard))
        end, shard = heapq.heappop(busy)
        idle += (end - now) * (workers - len(busy) - 1)
        now = end
        view.update({"shard": shard, "done": size, "kept": size})
        queue.ended(shard, done=True)
    assert view.done == shards * size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"seconds": now, "idle": idle / workers, "memory": peak}


def scheduler_throughput(tasks: int, in_flight: int) -> float:
    """Return how many empty tasks Dask completes per second."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        begin = time.perf_counter()
        running = as_completed([client.submit(int, n, pure=False) for n in range(in_flight)])
        submitted = in_flight
        for _ in running:
            if submitted < tasks:
                running.add(client.submit(int, submitted, pure=False))
                submitted += 1
        return tasks / (time.perf_counter() - begin)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_simulation")
    parser.add_argument("--lines", type=int, default=10**9)
    parser.add_argument("--size", type=int, default=10_000, help="SHARD_SIZE")
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--speed", type=float, default=200.0, help="lines per second of one worker")
    parser.add_argument(
        "--big", type=float, default=0.05, help="share of the lines that are of one host"
    )
    options = parser.parse_args()
    shards = -(-options.lines // options.size)
    line = len(shard_line(Line(options.lines, URL.format(1, 1))))
    cells = len(row(options.lines // 2))
    result = simulate(shards, options.workers, options.big, options.size, options.speed)
    throughput = scheduler_throughput(2_000, 2 * min(options.workers, 100))
    manifest = len(json.dumps([DividedGroup(0, 1, 1)] * 100)) / 100
    events = options.workers + shards / result["seconds"]
    gigabytes = options.lines / 1e9
    print(
        f"shards           {shards:,}, {options.size:,} lines each\n"
        f"list, shards     {gigabytes * line:,.0f} GB each, on this machine\n"
        f"reports          {gigabytes * cells:,.0f} GB of attempts, and the same again merged\n"
        f"job folder       {5 * shards:,} files, {manifest:.0f} bytes in job.json a big host\n"
        f"splitting        {options.lines / SPLIT / 3600:,.1f} h of one core\n"
        f"fetching         {result['seconds'] / 3600:,.1f} h on {options.workers:,} workers, "
        f"idle {result['idle'] / result['seconds']:.1%} of the time\n"
        f"merging          {options.lines / MERGE / 3600:,.1f} h of one core\n"
        f"client's memory  {result['memory'] / 1e6:,.0f} MB for the queue and progress\n"
        f"scheduler        has {2 * options.workers:,} tasks, can do {throughput:,.0f} a second\n"
        f"                 {shards / result['seconds']:,.2f} per second are needed, and "
        f"{events:,.0f} events"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
