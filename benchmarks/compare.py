"""Runs all programs in turn, repeatedly, and checks the results of each run."""

from __future__ import annotations

import hashlib
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmarks.measure import Failed, Usage, run
from benchmarks.rivals import Program, Task, environment
from benchmarks.scratch import scratch
from benchmarks.server import Site
from benchmarks.workloads import Workload

# Timeout of a run, seconds.
LIMIT = 7_200.0

# A program without concurrency is left out of workloads that would take longer, in seconds.
TOO_LONG_ONE_BY_ONE = 300.0


@dataclass
class Result:
    """The runs of one program over one workload."""

    workload: Workload
    program: Program
    runs: list[Usage] = field(default_factory=list)
    """One for each round; empty if one has failed."""
    failure: str = ""

    def median(self, of: Callable[[Usage], float]) -> float:
        return statistics.median(of(usage) for usage in self.runs)

    def spread(self, of: Callable[[Usage], float]) -> tuple[float, float]:
        values = [of(usage) for usage in self.runs]
        return min(values), max(values)

    def ratio(self, other: Result, of: Callable[[Usage], float]) -> float:
        """Return the median of the ratios to *other*'s run in the same round."""
        pairs = zip(self.runs, other.runs, strict=False)
        return statistics.median(of(mine) / of(theirs) for mine, theirs in pairs)


def compare(
    workload: Workload,
    programs: Iterable[Program],
    site: Site,
    repeats: int,
    log: Callable[[str], None],
) -> list[Result]:
    """Run *programs* over *workload*, A B C A B C …; a program that fails is not run again."""
    results = []
    for program in programs:
        if not program.installed:
            log(f"  {program.name}: not installed")
        elif program.one_by_one and workload.ideal(1) > TOO_LONG_ONE_BY_ONE:
            log(f"  {program.name}: left out, it would take {workload.ideal(1):,.0f} s")
        else:
            results.append(Result(workload, program))
    urls = list(site.urls(workload))
    digests = workload.digests()
    for number in range(1, repeats + 1):
        for result in results:
            if result.failure:
                continue
            name = f"  {number}/{repeats} {result.program.name}"
            try:
                usage = _run_once(result.program, urls, digests, site)
            except Failed as failed:
                result.failure = str(failed)
                result.runs.clear()
                log(f"{name}: failed: {failed}")
            else:
                result.runs.append(usage)
                log(f"{name}: {usage.wall:.1f} s, CPU {usage.user:.1f} + {usage.system:.1f} s, "
                     f"{usage.peak / 1e6:.0f} MB")  # fmt: skip
    return results


def _run_once(program: Program, urls: list[str], digests: Counter[str], site: Site) -> Usage:
    with scratch() as folder:
        task = Task(urls, folder, site.authority)
        task.list.write_text("".join(f"{url}\n" for url in urls))
        command = program.command(task)
        os.sync()  # so that no run waits for data that an earlier one wrote
        usage = run(command, folder, environment(site.authority), LIMIT)
        check(task, digests, report=program.report)
        return usage


def check(task: Task, digests: Counter[str], *, report: bool) -> None:
    """Check the results of *task*: all images are complete, and have rows if *report* is set.

    :raises Failed: if they are not
    """
    found: Counter[str] = Counter()
    for path in task.out.rglob("*"):
        if path.suffix in {".jpg", ".svg"} and path.is_file():
            found[hashlib.sha256(path.read_bytes()).hexdigest()] += 1
    if found != digests:
        missing, other = (digests - found).total(), (found - digests).total()
        raise Failed(f"{missing:,} of {digests.total():,} pictures missing, {other:,} others there")
    if report:
        with (task.folder / "REPORT.csv").open("rb") as file:
            rows = sum(1 for _ in file) - 1
        if rows != len(task.urls):
            raise Failed(f"{rows:,} rows for {len(task.urls):,} lines")
