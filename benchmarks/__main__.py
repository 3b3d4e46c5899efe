"""python -m benchmarks [workload …]: run, check, compare, write tables and charts."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import dead_hosts, rate_limited, tables, uneven
from benchmarks.compare import compare
from benchmarks.goals import SHIPPED
from benchmarks.page import write_page
from benchmarks.rivals import PROGRAMS, Program
from benchmarks.server import Site, Unavailable, serving
from benchmarks.workloads import WORKLOADS, Workload, named

OF_HOSTS = (uneven.NAME, rate_limited.NAME, dead_hosts.NAME)


def main() -> int:
    """Return the exit status: 0, 1 if a program failed, 2 for invalid arguments."""
    arguments = _arguments()
    try:
        names = [name for name in arguments.workload if name not in OF_HOSTS]
        workloads = [] if arguments.workload and not names else named(names)
        workloads = [workload.scaled(arguments.scale) for workload in workloads]
        of_hosts = [
            name for name in OF_HOSTS if not arguments.workload or name in arguments.workload
        ]
        programs = _chosen(arguments.programs)
        with tempfile.TemporaryDirectory(prefix="imagefetch-site-") as folder:
            print("generating images", flush=True)
            fetched = [*workloads, dead_hosts.workload(arguments.scale)]
            with serving(Path(folder), fetched) as site:
                machine = _machine(site.version)
                results = []
                for workload in workloads:
                    print(f"{workload.name}: {workload.about}", flush=True)
                    some = _for(workload, programs)
                    results.append(compare(workload, some, site, arguments.repeats, _log))
                arguments.results.mkdir(parents=True, exist_ok=True)
                for name in of_hosts:
                    _of_hosts(name, arguments, site, machine)
    except (Unavailable, ValueError) as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 2
    for workload, group in zip(workloads, results, strict=True):
        tables.write_csv(arguments.results / f"{workload.name}.csv", group, machine)
    print(f"\n{write_page(arguments.results)}\nwritten: {arguments.results}")
    return int(any(result.failure for group in results for result in group))


def _of_hosts(name: str, arguments: argparse.Namespace, site: Site, machine: str) -> None:
    """Run a benchmark of hosts, with imagefetch alone."""
    if name == uneven.NAME:
        print(f"{name}: {uneven.ABOUT}", flush=True)
        seconds = uneven.SECONDS * arguments.scale
        found = uneven.compare(seconds, uneven.HOSTS, uneven.SEED, _log)
        uneven.write_csv(arguments.results / f"{name}.csv", found, machine, seconds)
    elif name == rate_limited.NAME:
        print(f"{name}: {rate_limited.ABOUT}", flush=True)
        seconds = rate_limited.SECONDS * arguments.scale
        rates = rate_limited.compare(seconds, _log)
        rate_limited.write_csv(arguments.results / f"{name}.csv", rates, machine, seconds)
    else:
        print(f"{name}: {dead_hosts.ABOUT}", flush=True)
        runs = dead_hosts.compare(arguments.scale, site, arguments.repeats, _log)
        living = dead_hosts.workload(arguments.scale).pictures
        dead_hosts.write_csv(arguments.results / f"{name}.csv", runs, machine, living)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = [*WORKLOADS, *OF_HOSTS]
    parser.add_argument("workload", nargs="*", help=f"default: all of {', '.join(known)}")
    parser.add_argument("--repeats", type=int, default=5, help="rounds; default 5")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="factor for the number of images; 0.01 for a quick run",
    )
    parser.add_argument(
        "--programs",
        default="",
        help="run only programs whose names contain one of these, separated by semicolons",
    )
    default = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=default, help="folder to write to")
    arguments = parser.parse_args()
    if arguments.repeats < 1 or arguments.scale <= 0:
        parser.error("--repeats and --scale must be more than 0")
    return arguments


def _chosen(names: str) -> list[Program]:
    wanted = [name.strip() for name in names.split(";") if name.strip()]
    found = [p for p in PROGRAMS if not wanted or any(name in p.name for name in wanted)]
    if not found:
        known = "; ".join(program.name for program in PROGRAMS)
        raise ValueError(f"{names}: no such program; there are {known}")
    return found


def _for(workload: Workload, programs: list[Program]) -> list[Program]:
    """Return the programs for *workload*: for long lists, imagefetch alone."""
    if workload.name.startswith("long-"):
        return [program for program in programs if program.name == SHIPPED]
    return programs


def _log(line: str) -> None:
    print(line, flush=True)


def _machine(nginx: str) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, server and client on both; "
        f"Python {platform.python_version()}, nginx {nginx}, {datetime.now(UTC):%Y-%m-%d}"
    )


if __name__ == "__main__":
    sys.exit(main())
