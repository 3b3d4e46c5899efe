"""Results as Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from benchmarks.compare import Result
from benchmarks.measure import Usage
from benchmarks.workloads import Workload

ARTICLE = """\
The original article's own figures, for 1,000 images of 2.7 GB in all, over its author's network:

| program | seconds |
|---|--:|
| requests script, one by one | 756 |
| aiohttp script, batches of 1,000 | 438 |
| aiohttp script, batches of 500 | 420 |
| aiohttp script, batches of 250 | 456 |
| aiohttp script, batches of 100 | 510 |
"""

MEASURES = {
    "wall s": lambda usage: usage.wall,
    "user s": lambda usage: usage.user,
    "system s": lambda usage: usage.system,
    "peak MB": lambda usage: usage.peak / 1e6,
}


def title(workload: Workload, scale: float, repeats: int) -> str:
    """Say what was measured, and how often; that it was scaled, if it was."""
    scaled = "" if scale == 1 else f" (at {scale:g} of the full size)"
    return f"{workload.name}{scaled}: {workload.about}; medians of {repeats} runs"


def markdown(results: list[Result]) -> str:
    """Return a table of one workload's results, quickest first."""
    heads = ["program", "wall s", "least – most", "user s", "system s", "peak MB", "images/s",
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
    lines += [f"| {r.program.name} | {r.failure} |" for r in results if r.failure]
    return "\n".join(lines) + "\n"


def goals_table(goals: Iterable[tuple[str, float, float]]) -> str:
    """Return what was to be reached, and what was."""
    lines = ["| to reach | at most | measured | reached |", "|---|--:|--:|---|"]
    for text, limit, value in goals:
        reached = "yes" if value <= limit else f"missed by {value / limit - 1:.0%}"
        lines.append(f"| {text} | {limit:g} | {value:.3g} | {reached} |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, results: Iterable[Result]) -> None:
    """Write a row a run."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["workload", "images", "program", "round", *MEASURES])
        for result in results:
            for number, usage in enumerate(result.runs, 1):
                values = [f"{measure(usage):.3f}" for measure in MEASURES.values()]
                begin = [result.workload.name, result.workload.pictures, result.program.name]
                writer.writerow([*begin, number, *values])


def images_per_second(result: Result) -> float:
    return result.workload.pictures / result.median(_wall)


def megabytes_per_second(result: Result) -> float:
    return images_per_second(result) * result.workload.picture_bytes / 1e6


def _wall(usage: Usage) -> float:
    return usage.wall
