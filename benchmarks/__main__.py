"""python -m benchmarks [workload …]: run, check, compare, write tables and charts."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import tables
from benchmarks.compare import compare
from benchmarks.goals import SHIPPED
from benchmarks.page import write_page
from benchmarks.rivals import PROGRAMS, Program
from benchmarks.server import Unavailable, serving
from benchmarks.workloads import WORKLOADS, Workload, named


def main() -> int:
    """Return the exit status: 0, 1 if a program failed, 2 for what is wrong with the call."""
    words = _arguments()
    try:
        workloads = [workload.scaled(words.scale) for workload in named(words.workload)]
        programs = _chosen(words.programs)
        with tempfile.TemporaryDirectory(prefix="imagefetch-site-") as folder:
            print(f"making pictures for {', '.join(w.name for w in workloads)}", flush=True)
            with serving(Path(folder), workloads) as site:
                machine = _machine(site.version)
                results = []
                for workload in workloads:
                    print(f"{workload.name}: {workload.about}", flush=True)
                    some = _for(workload, programs)
                    results.append(compare(workload, some, site, words.repeats, _tell))
    except (Unavailable, ValueError) as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    words.results.mkdir(parents=True, exist_ok=True)
    for workload, group in zip(workloads, results, strict=True):
        tables.write_csv(words.results / f"{workload.name}.csv", group, machine)
    print(f"\n{write_page(words.results)}\nwritten: {words.results}")
    return int(any(result.failure for group in results for result in group))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workload", nargs="*", help=f"default: all of {', '.join(WORKLOADS)}")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="times as many pictures; 0.01 for a look"
    )
    parser.add_argument(
        "--programs",
        default="",
        help="those alone whose names hold one of these, by semicolons; default: all",
    )
    default = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=default, help="folder to write to")
    words = parser.parse_args()
    if words.repeats < 1 or words.scale <= 0:
        parser.error("--repeats and --scale must be more than 0")
    return words


def _chosen(names: str) -> list[Program]:
    wanted = [name.strip() for name in names.split(";") if name.strip()]
    found = [p for p in PROGRAMS if not wanted or any(name in p.name for name in wanted)]
    if not found:
        known = "; ".join(program.name for program in PROGRAMS)
        raise ValueError(f"{names}: no such program; there are {known}")
    return found


def _for(workload: Workload, programs: list[Program]) -> list[Program]:
    """A long list is about imagefetch alone: what it costs as it grows."""
    if workload.name.startswith("long-"):
        return [program for program in programs if program.name == SHIPPED]
    return programs


def _tell(line: str) -> None:
    print(line, flush=True)


def _machine(nginx: str) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, server and client on both; "
        f"Python {platform.python_version()}, nginx {nginx}, {datetime.now(UTC):%Y-%m-%d}"
    )


if __name__ == "__main__":
    sys.exit(main())
