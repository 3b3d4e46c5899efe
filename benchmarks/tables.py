"""Results as Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.compare import Result
from benchmarks.measure import Usage
from benchmarks.rivals import PROGRAMS, Program
from benchmarks.workloads import WORKLOADS

ARTICLE = """\
The figures of the original article, for 1,000 images of 2.7 GB in total, over its author's network:

| program | seconds |
|---|--:|
| requests script, one by one | 756 |
| aiohttp script, batches of 1,000 | 438 |
| aiohttp script, batches of 500 | 420 |
| aiohttp script, batches of 250 | 456 |
| aiohttp script, batches of 100 | 510 |
"""

MEASURES: dict[str, Callable[[Usage], float]] = {
    "wall s": lambda usage: usage.wall,
    "user s": lambda usage: usage.user,
    "system s": lambda usage: usage.system,
    "peak MB": lambda usage: usage.peak / 1e6,
}


def title(results: list[Result]) -> str:
    """Return the title of one workload's results: what was fetched, at what scale, how often."""
    workload = results[0].workload
    scale = workload.pictures / WORKLOADS[workload.name].pictures
    scaled = "" if scale == 1 else f" (scale {scale:g} of the full workload)"
    repeats = max(len(result.runs) for result in results)
    runs = "one run each" if repeats == 1 else f"medians of {repeats} runs, in turn"
    return f"{workload.name}{scaled}: {workload.about}; {runs}"


def markdown(results: list[Result]) -> str:
    """Return a table of one workload's results, quickest first."""
    heads = ["program", "wall s", "min – max", "user s", "system s", "peak MB", "images/s",
             "MB/s"]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", f"|---{'|--:' * (len(heads) - 1)}|"]
    good = [result for result in results if result.runs]
    for result in sorted(good, key=lambda result: result.median(_wall)):
        least, most = result.spread(_wall)
        medians = [result.median(measure) for measure in MEASURES.values()]
        cells = [result.program.name, f"{medians[0]:.2f}", f"{least:.2f} – {most:.2f}",
                 f"{medians[1]:.2f}", f"{medians[2]:.2f}", f"{medians[3]:.0f}",
                 f"{images_per_second(result):,.0f}",
                 f"{megabytes_per_second(result):,.1f}"]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def goals_table(goals: Iterable[tuple[str, float, float]]) -> str:
    """Return a table of *goals*: text, limit and measured value."""
    lines = ["| goal | at most | measured | reached |", "|---|--:|--:|---|"]
    for text, limit, value in goals:
        missed = f"missed by {value / limit - 1:.0%}" if limit else "missed"
        reached = "yes" if value <= limit else missed
        lines.append(f"| {text} | {limit:g} | {value:.3g} | {reached} |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, results: Iterable[Result], machine: str) -> None:
    """Write a row for each run, except failed ones."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["machine", "workload", "images", "program", "round", *MEASURES])
        for result in results:
            begin = [machine, result.workload.name, result.workload.pictures, result.program.name]
            for number, usage in enumerate(result.runs, 1):
                values = [f"{measure(usage):.3f}" for measure in MEASURES.values()]
                writer.writerow([*begin, number, *values])


def read_csv(path: Path) -> tuple[str, list[Result]]:
    """Return the machine and the results that `write_csv` wrote."""
    programs = {program.name: program for program in PROGRAMS}
    found: dict[str, Result] = {}
    with path.open(newline="") as file:
        _, *rows = csv.reader(file)
        for _, workload, images, program, _, *values in rows:
            wall, user, system, megabytes = map(float, values)
            result = found.setdefault(
                program,
                Result(
                    replace(WORKLOADS[workload], pictures=int(images)),
                    programs.get(program, Program(program, 0, lambda _: [])),
                ),
            )
            result.runs.append(Usage(wall, user, system, megabytes * 1e6))
    return rows[0][0] if rows else "", list(found.values())


def images_per_second(result: Result) -> float:
    return result.workload.pictures / result.median(_wall)


def megabytes_per_second(result: Result) -> float:
    return images_per_second(result) * result.workload.picture_bytes / 1e6


def _wall(usage: Usage) -> float:
    return usage.wall
