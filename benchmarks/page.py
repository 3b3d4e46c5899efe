"""Writes the page of all results from the CSV files in its folder."""

from __future__ import annotations

from pathlib import Path

from benchmarks import dead_hosts, rate_limited, tables, uneven
from benchmarks.compare import Result
from benchmarks.goals import host_goals, measured_goals
from benchmarks.workloads import WORKLOADS


def write_page(folder: Path) -> str:
    """Write README.md and a chart for each workload into *folder*; return the page."""
    page = ["# Results", "Written by `python -m benchmarks`. A run counts only if all of its images"
            " are complete. *System* and *user* are processor seconds."]  # fmt: skip
    everything: list[Result] = []
    for name in WORKLOADS:
        if (folder / f"{name}.csv").exists():
            machine, results = tables.read_csv(folder / f"{name}.csv")
            if results:
                everything += results
                page += [f"## {name}", f"{tables.title(results)}. {machine}."]
                page += [tables.markdown(results), *_chart(folder, name, results)]
    of_hosts, some = _uneven(folder)
    rates, limited = _rate_limited(folder)
    runs, more = _dead_hosts(folder)
    page += some + limited + more
    page += [
        "## Goals",
        tables.goals_table(measured_goals(everything) + host_goals(of_hosts, rates, runs)),
    ]
    page += ["## The original article", tables.ARTICLE]
    text = "\n\n".join(part.strip() for part in page) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return text


def _uneven(folder: Path) -> tuple[list[uneven.HostResult], list[str]]:
    path = folder / "uneven.csv"
    if not path.exists():
        return [], []
    machine, seconds, of_hosts = uneven.read_csv(path)
    about = (
        f"{uneven.ABOUT} {seconds:g} seconds each. Images per second, and in brackets the number of"
        f" refusals. {machine}."
    )
    return of_hosts, ["## uneven", about, uneven.markdown(of_hosts, seconds)]


def _rate_limited(folder: Path) -> tuple[list[rate_limited.HostResult], list[str]]:
    path = folder / "rate-limited.csv"
    if not path.exists():
        return [], []
    machine, seconds, results = rate_limited.read_csv(path)
    about = f"{rate_limited.ABOUT} {seconds:g} seconds each. {machine}."
    return results, ["## rate-limited", about, rate_limited.markdown(results, seconds)]


def _dead_hosts(folder: Path) -> tuple[list[dead_hosts.Measurement], list[str]]:
    path = folder / "dead-hosts.csv"
    if not path.exists():
        return [], []
    machine, living, runs = dead_hosts.read_csv(path)
    about = f"{dead_hosts.ABOUT} Medians of {len(runs) // 2} runs, in turn. {machine}."
    return runs, ["## dead-hosts", about, dead_hosts.markdown(runs, living)]


def _chart(folder: Path, name: str, results: list[Result]) -> list[str]:
    try:
        from benchmarks.charts import write_chart
    except ImportError:
        return []
    write_chart(folder / f"{name}.png", tables.title(results), results)
    return [f"![{name}]({name}.png)"]
