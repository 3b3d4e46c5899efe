"""Measures how much the lines of an unreachable host delay those of other hosts.

Runs alternate between the lines of living hosts alone, and with a line of a dead host before
each. Measured is the time until the last line of a living host has its row.
"""

from __future__ import annotations

import csv
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.rivals import crawl_command, environment
from benchmarks.scratch import scratch
from benchmarks.server import Site
from benchmarks.workloads import WORKLOADS, Workload

NAME = "dead-hosts"
ABOUT = (
    "Lines of twenty hosts with responses after 100 ms, alone and with as many lines of a host that"
    " refuses connections between them; until the last line of a living host has its row."
)

# Lines of living hosts; there are as many of the dead host.
LINES = 10_000

# The workload of the living hosts: twenty hosts with responses after 100 ms.
LIVING = "far"


@dataclass(frozen=True)
class Measurement:
    """Result of one run."""

    dead: int
    """Lines of the dead host."""
    wall: float
    """Seconds until the last line of a living host had its row."""
    cpu: float
    """Processor seconds until then."""


def workload(scale: float) -> Workload:
    """Return the workload of the living hosts."""
    return WORKLOADS[LIVING].scaled(scale * LINES / WORKLOADS[LIVING].pictures)


def compare(
    scale: float, site: Site, repeats: int, log: Callable[[str], None]
) -> list[Measurement]:
    """Run with and without lines of the dead host, in turn."""
    living = list(site.urls(workload(scale)))
    results: list[Measurement] = []
    with socket.socket() as held:
        held.bind(("127.0.0.250", 0))  # nothing listens there, and no other process can
        dead = [f"http://127.0.0.250:{held.getsockname()[1]}/{n}.jpg" for n in range(len(living))]
        mixed = [url for pair in zip(dead, living, strict=True) for url in pair]
        for number in range(1, repeats + 1):
            for urls in (living, mixed):
                run = _run(urls, len(living), len(urls) - len(living))
                results.append(run)
                log(f"  {number}/{repeats} {run.dead:,} dead lines, {len(living):,} living: "
                     f"{run.wall:.1f} s, CPU {run.cpu:.1f} s")  # fmt: skip
    return results


def _run(urls: list[str], living: int, dead: int) -> Measurement:
    with scratch() as folder:
        (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
        report = folder / "REPORT.csv"
        environ = environment(Path(os.devnull))
        with (folder / "output.log").open("wb") as log:
            begin = time.perf_counter()
            process = subprocess.Popen(
                crawl_command(folder, {}), cwd=folder, env=environ, stdout=log, stderr=log
            )
            try:
                while _kept(report) < living:
                    if process.poll() is not None:
                        raise RuntimeError((folder / "output.log").read_text()[-500:])
                    time.sleep(0.02)
                wall = time.perf_counter() - begin
                cpu = _cpu(process.pid)
            finally:
                process.kill()
                process.wait()
        return Measurement(dead, wall, cpu)


_SEEN: dict[Path, tuple[int, int]] = {}


def _kept(report: Path) -> int:
    """Return how many rows of *report* have status 200, reading from where the last call ended."""
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


def cost(results: list[Measurement]) -> float:
    """Return the ratio of the time with the dead host to that without: the median of pairs."""
    alone = [run.wall for run in results if not run.dead]
    mixed = [run.wall for run in results if run.dead]
    return statistics.median(b / a for a, b in zip(alone, mixed, strict=True))


def write_csv(path: Path, results: list[Measurement], machine: str, living: int) -> None:
    """Write a row for each run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "living", "dead", "wall s", "CPU s"])
        for run in results:
            dead, *seconds = astuple(run)
            writer.writerow([machine, living, dead, *(f"{value:.3f}" for value in seconds)])


def read_csv(path: Path) -> tuple[str, int, list[Measurement]]:
    """Return machine, living lines and results that `write_csv` wrote."""
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
    results = [Measurement(int(dead), float(wall), float(cpu)) for _, _, dead, wall, cpu in rows]
    return rows[0][0], int(rows[0][1]), results


def markdown(results: list[Measurement], living: int) -> str:
    """Return a table with a row for each kind of list."""
    lines = ["| lines | wall s | min – max | CPU s |", "|---|--:|--:|--:|"]
    for dead in sorted({run.dead for run in results}):
        some = [run for run in results if run.dead == dead]
        walls = [run.wall for run in some]
        cpu = statistics.median(run.cpu for run in some)
        name = f"{living:,} living" + (f", {dead:,} dead" if dead else " alone")
        lines.append(f"| {name} | {statistics.median(walls):.2f} | "
                     f"{min(walls):.2f} – {max(walls):.2f} | {cpu:.2f} |")  # fmt: skip
    return "\n".join(lines) + "\n"
