"""A fleet whose workers are killed and stopped at random, and whose client is killed once.

``python -m tests.support.fleet_chaos [--lines 30000] [--workers 3] [--seed N]`` prints what it
found; the suite runs a small one. Each answer to a URL is another picture, so that a picture which
is not that of its row shows.

Every few seconds, one of:

    kill    SIGKILL to a worker; its nanny starts another
    lose    SIGKILL to worker and nanny, as where a machine dies; another joins
    stop    SIGSTOP to worker and nanny, its crawl too or not, until long after it was given up
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from imagefetch.job.audit import Audit, audit
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import read_lines
from imagefetch.output.report.report_file import read_rows
from tests.support.fleet_cluster import TTL, Cluster, Worker, cluster
from tests.support.server import serving
from tests.support.until import until

AT_ONCE = 16
"""CONCURRENT_REQUESTS of each process."""


@dataclass
class Found:
    """What came of it."""

    status: int
    audit: Audit
    in_order: bool
    """Whether the rows are those of the list, in its order."""
    asked_again: int
    """Requests beyond one for each URL."""
    events: Counter[str]
    lives: int
    """Crawls that were killed or stopped, at most: each had `AT_ONCE` lines in flight."""
    left: list[str] = field(default_factory=list)
    """Processes that fetch although nobody wants it."""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or left."""
        told = self.audit
        whole = told.lines == told.rows == told.kept and not told.broken
        clean = (told.missing, told.strays, told.partial, self.left) == (0, 0, 0, [])
        few = self.asked_again <= self.lives * AT_ONCE
        return self.status == 0 and self.in_order and whole and clean and few


def chaos(
    folder: Path,
    *,
    lines: int,
    hosts: int,
    workers: int,
    seed: int,
    pause: float,
    events: int,
    hold: bool = False,
) -> Found:
    """Run a fleet over so many *lines*; *pause* is the mean of seconds between two of so
    many *events*, before the last of which it isn't done if *hold*."""
    chance = random.Random(seed)
    addresses = [f"127.0.{n // 100}.{n % 100 + 1}" for n in range(hosts)]
    with serving(addresses) as server, cluster(folder / "cluster", workers) as made:
        urls = [server.url(f"/new/{n}", chance.choice(addresses)) for n in range(lines * 19 // 20)]
        urls += chance.choices(urls, k=lines - len(urls))
        if hold:  # one of each host, so that no shard is done before
            held = [server.url(f"/held/{address}", address) for address in addresses]
            urls[-len(held) :] = held
        (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
        begin = time.monotonic()
        befalls = Events(made, chance, events)
        status = run(folder, made, befalls, chance, pause=pause, gate=server.gate)
        seconds = time.monotonic() - begin
        befalls.wake()
        with suppress(AssertionError):
            until(lambda: not made.left(), "an end of those that were stopped")
        left = made.left()
        names = [(line.number, line.text) for line in read_lines(folder / "urls.txt")]
        rows = [(row.line, row.cells[0]) for row in read_rows(folder / "REPORT.csv")]
        return Found(
            status,
            audit(ListFile(folder / "urls.txt"), folder / "REPORT.csv", folder / "images"),
            rows == names,
            sum(server.hits.values()) - len(set(urls)),
            befalls.counts,
            befalls.lives,
            left,
            seconds,
        )


class Events:
    """What befalls a cluster."""

    def __init__(self, made: Cluster, chance: random.Random, most: int) -> None:
        self.most = most
        self._kinds: list[str] = []
        self.made = made
        self.chance = chance
        self.counts: Counter[str] = Counter()
        self.lives = 0
        self.stopped: list[tuple[float, Worker, list[int]]] = []

    def next(self) -> None:
        if not self._kinds:
            self._kinds = self.chance.sample(["kill", "lose", "stop"], 3)
        kind = self._kinds[-1]
        asleep = [worker for _, worker, _ in self.stopped]
        awake = [worker for worker in self.made.workers if worker not in asleep and worker.crawls()]
        if self.lives == self.most or not awake or (kind == "stop" and len(awake) < 2):
            return
        worker = self.chance.choice(awake)
        self.counts[self._kinds.pop()] += 1
        self.lives += 1
        if kind == "kill":
            worker.send(signal.SIGKILL, nanny=False)
        elif kind == "lose":
            worker.send(signal.SIGKILL)
            self.made.start_worker()
        else:
            pids = worker.send(signal.SIGSTOP, crawls=self.chance.random() < 0.5)
            self.stopped.append((time.monotonic() + 2.5 * TTL, worker, pids))

    def wake(self, before: float = float("inf")) -> None:
        """Let those go on that were stopped for long enough."""
        for due, worker, pids in self.stopped.copy():
            if due < before:
                self.stopped.remove((due, worker, pids))
                for pid in pids:
                    with suppress(psutil.Error):
                        psutil.Process(pid).send_signal(signal.SIGCONT)


def run(
    folder: Path,
    made: Cluster,
    events: Events,
    chance: random.Random,
    *,
    pause: float,
    gate: threading.Event,
) -> int:
    """Run the fleet to its end; return its exit status. *gate* is opened after all events."""
    settings = {"SHARD_SIZE": 1_000, "CONCURRENT_REQUESTS": AT_ONCE}
    client = made.start_fleet(folder, **settings)
    over = threading.Event()
    killed = False
    while client.poll() is None:
        over.wait(chance.uniform(0.5, 1.5) * pause)
        events.wake(time.monotonic())
        events.next()
        if not killed and sum(events.counts.values()) >= 3:
            killed = True
            client.kill()
            client.wait()
            events.counts["client"] += 1
            client = made.start_fleet(folder, **settings)
        if killed and events.lives == events.most:
            gate.set()
    return client.returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fleet_chaos")
    parser.add_argument("--lines", type=int, default=30_000)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--pause", type=float, default=5.0, help="mean seconds between two events")
    parser.add_argument("--events", type=int, default=1_000, help="at most")
    parser.add_argument("--folder", type=Path)
    words = parser.parse_args()
    folder = words.folder or Path(tempfile.mkdtemp(prefix="fleet-chaos-"))
    folder.mkdir(exist_ok=True)
    found = chaos(
        folder, **{name: value for name, value in vars(words).items() if name != "folder"}
    )
    told = f"seed {words.seed}, {folder}\nexit status {found.status} after {found.seconds:.0f} s\n"
    told += f"events {dict(found.events)}\nrows in list order: {found.in_order}\n"
    told += f"lines {found.audit.lines}, rows {found.audit.rows}, kept {found.audit.kept}, "
    told += f"missing {found.audit.missing}, broken {dict(found.audit.broken)}, "
    told += f"strays {found.audit.strays}, partial {found.audit.partial}\n"
    told += f"asked again {found.asked_again}, of {found.lives * AT_ONCE} in flight at most\n"
    told += f"processes left {found.left}\n"
    sys.stdout.write(told)
    return 0 if found.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
