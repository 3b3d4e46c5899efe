"""What lines of a host that can't be connected to cost those of living ones.

Runs in turn over the living lines alone, and with as many dead ones between
them, line by line. What counts is how long the last living line takes.
"""

from __future__ import annotations

import csv
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.rivals import environment
from benchmarks.scratch import scratch
from benchmarks.server import Site
from benchmarks.workloads import WORKLOADS, Workload

NAME = "dead-hosts"
ABOUT = (
    "Lines of twenty hosts, each answered after 100 ms, alone and with as many of a host that"
    " refuses connections between them; until the last living line has its row."
)

# Of living lines; as many dead ones stand between them.
LINES = 10_000

# Living lines are those of this workload: twenty hosts, each answer after 100 ms.
LIVING = "far"


@dataclass(frozen=True)
class Took:
    """One run."""

    dead: int
    """Lines."""
    wall: float
    """Seconds until the last living line had its row."""
    cpu: float
    """Processor seconds until then."""


def workload(scale: float) -> Workload:
    """Return what the living lines are."""
    return WORKLOADS[LIVING].scaled(scale * LINES / WORKLOADS[LIVING].pictures)


def compare(scale: float, site: Site, repeats: int, tell: Callable[[str], None]) -> list[Took]:
    """Run with dead lines and without, in turn."""
    living = list(site.urls(workload(scale)))
    results: list[Took] = []
    with socket.socket() as held:
        held.bind(("127.0.0.250", 0))  # nothing listens, and nothing else will be given it
        dead = [f"http://127.0.0.250:{held.getsockname()[1]}/{n}.jpg" for n in range(len(living))]
        mixed = [url for pair in zip(dead, living, strict=True) for url in pair]
        for number in range(1, repeats + 1):
            for urls in (living, mixed):
                took = _run(urls, len(living), len(urls) - len(living))
                results.append(took)
                tell(f"  {number}/{repeats} {took.dead:,} dead lines beside {len(living):,}: "
                     f"{took.wall:.1f} s, CPU {took.cpu:.1f} s")  # fmt: skip
    return results


def _run(urls: list[str], living: int, dead: int) -> Took:
    with scratch() as folder:
        (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
        report = folder / "REPORT.csv"
        words = [sys.executable, "-m", "scrapy", "crawl", "images"]
        words += ["-a", f"urls={folder / 'urls.txt'}", "-a", f"report={report}"]
        words += ["-s", f"FILES_STORE={folder / 'out'}", "-s", "ALLOWED_NETWORKS=127.0.0.0/8"]
        environ = environment(Path(os.devnull))
        with (folder / "output.log").open("wb") as log:
            begin = time.perf_counter()
            run = subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)
            try:
                while _kept(report) < living:
                    if run.poll() is not None:
                        raise RuntimeError((folder / "output.log").read_text()[-500:])
                    time.sleep(0.02)
                wall = time.perf_counter() - begin
                cpu = _cpu(run.pid)
            finally:
                run.kill()
                run.wait()
        return Took(dead, wall, cpu)


_SEEN: dict[Path, tuple[int, int]] = {}


def _kept(report: Path) -> int:
    """Return how many rows of *report* have status 200, reading on from the last time."""
    if not report.exists():
        return 0
    offset, count = _SEEN.get(report, (0, 0))
    with report.open("rb") as file:
        file.seek(offset)
        rows = file.read().rpartition(b"\n")[0]
    _SEEN[report] = (offset + len(rows), count + rows.count(b",200,"))
    return _SEEN[report][1]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(results: list[Took]) -> float:
    """Return how much longer the living lines took with dead ones: the median of pairs."""
    alone = [took.wall for took in results if not took.dead]
    mixed = [took.wall for took in results if took.dead]
    return statistics.median(b / a for a, b in zip(alone, mixed, strict=True))


def write_csv(path: Path, results: list[Took], machine: str, living: int) -> None:
    """Write a row a run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "living", "dead", "wall s", "CPU s"])
        for took in results:
            dead, *seconds = astuple(took)
            writer.writerow([machine, living, dead, *(f"{value:.3f}" for value in seconds)])


def read_csv(path: Path) -> tuple[str, int, list[Took]]:
    """Return what `write_csv` wrote."""
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    results = [Took(int(dead), float(wall), float(cpu)) for _, _, dead, wall, cpu in rows]
    return rows[0][0], int(rows[0][1]), results


def markdown(results: list[Took], living: int) -> str:
    """Return a table, a kind of list a row."""
    lines = ["| lines | wall s | least – most | CPU s |", "|---|--:|--:|--:|"]
    for dead in sorted({took.dead for took in results}):
        some = [took for took in results if took.dead == dead]
        walls = [took.wall for took in some]
        cpu = statistics.median(took.cpu for took in some)
        name = f"{living:,} living" + (f", {dead:,} dead between them" if dead else " alone")
        lines.append(f"| {name} | {statistics.median(walls):.2f} | "
                     f"{min(walls):.2f} – {max(walls):.2f} | {cpu:.2f} |")  # fmt: skip
    return "\n".join(lines) + "\n"
