"""python -m benchmarks.fleet_simulation: a fleet over 10^9 lines, and where it breaks first.

Nothing is fetched. The shards go through the program's own `ShardQueue` and `FleetView`, in
simulated time, on so many workers; what a line and a row take in bytes is that of real ones; how
many tasks Dask's scheduler takes in a second is measured on this machine, with as many under way
as a fleet has.
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
from imagefetch.fleet.shards.plan import Big
from imagefetch.fleet.shards.queue import ShardQueue
from imagefetch.lists.shards import shard_line
from imagefetch.output.csv_rows import encode
from imagefetch.urls import Line

URL = "https://images.example.com/2026/11/{:010}/photograph-{:08}.jpg"
SPLIT = 120_000  # lines a second that the list is split at, both readings; measured on one core
MERGE = 48_000  # rows a second that reports are merged at; measured so too


def row(number: int) -> bytes:
    """Return a row as a picture gets it."""
    name = f"photograph-{number % 10**8:08}-abcdefghij234567.jpg"
    size = ["231244", "image/jpeg", "1920", "1080", "0123456789abcdef" * 4, "1", "0.213", ""]
    return encode([URL.format(number, number % 10**8), "200", str(number), name, *size])


def simulate(shards: int, workers: int, big: float, size: int, pace: float) -> dict[str, float]:
    """Let *workers* do *shards*, of which a part *big* is of one host; *pace* in lines a second.

    Returns seconds until all are done, seconds of them in which workers were idle, and the
    peak of the client's memory in bytes.
    """
    chance = random.Random(1)
    tracemalloc.start()
    count = int(shards * big)
    lanes = max(1, min(count, 64, round(workers * big)))
    hosts = [Big(shards - count, count, lanes)] if count else []
    settings = Settings({"PROGRESS": "off", "PROGRESS_INTERVAL": 10})
    turns, view = ShardQueue(shards, hosts, done=()), FleetView(shards * size, 0, {}, settings)
    busy: list[tuple[float, int]] = []
    now = idle = 0.0
    while turns.left:
        while len(busy) < workers and (shard := turns.next()) is not None:
            seconds = size / pace * chance.lognormvariate(0, 0.5) + 2
            heapq.heappush(busy, (now + seconds, shard))
        end, shard = heapq.heappop(busy)
        idle += (end - now) * (workers - len(busy) - 1)
        now = end
        view.update({"shard": shard, "done": size, "kept": size})
        turns.ended(shard, done=True)
    assert view.done == shards * size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"seconds": now, "idle": idle / workers, "memory": peak}


def scheduler_pace(tasks: int, under_way: int) -> float:
    """Return how many tasks that do nothing Dask gets done in a second."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        begin = time.perf_counter()
        running = as_completed([client.submit(int, n, pure=False) for n in range(under_way)])
        given = under_way
        for _ in running:
            if given < tasks:
                running.add(client.submit(int, given, pure=False))
                given += 1
        return tasks / (time.perf_counter() - begin)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_simulation")
    parser.add_argument("--lines", type=int, default=10**9)
    parser.add_argument("--size", type=int, default=10_000, help="SHARD_SIZE")
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--pace", type=float, default=200.0, help="lines a second of one worker")
    parser.add_argument("--big", type=float, default=0.05, help="part of the lines of one host")
    given = parser.parse_args()
    shards = -(-given.lines // given.size)
    line = len(shard_line(Line(given.lines, URL.format(1, 1))))
    cells = len(row(given.lines // 2))
    result = simulate(shards, given.workers, given.big, given.size, given.pace)
    pace = scheduler_pace(2_000, 2 * min(given.workers, 100))
    manifest = len(json.dumps([Big(0, 1, 1)] * 100)) / 100
    events = given.workers + shards / result["seconds"]
    gigabytes = given.lines / 1e9
    print(
        f"shards           {shards:,}, {given.size:,} lines each\n"
        f"list, shards     {gigabytes * line:,.0f} GB each, on the disk of the one who started it\n"
        f"reports          {gigabytes * cells:,.0f} GB of attempts, as much again merged\n"
        f"job folder       {5 * shards:,} files, {manifest:.0f} bytes more in job.json a big host\n"
        f"splitting        {given.lines / SPLIT / 3600:,.1f} h of one core\n"
        f"fetching         {result['seconds'] / 3600:,.1f} h on {given.workers:,} workers, idle "
        f"{result['idle'] / result['seconds']:.1%} of it\n"
        f"merging          {given.lines / MERGE / 3600:,.1f} h of one core\n"
        f"client's memory  {result['memory'] / 1e6:,.0f} MB for turns and progress\n"
        f"scheduler        knows {2 * given.workers:,} tasks at once, of {pace:,.0f} a second that "
        f"it can take\n"
        f"                 {shards / result['seconds']:,.2f} a second are asked, and {events:,.0f} "
        "events"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
