"""The page that shows all results, out of the CSV files that lie beside it."""

from __future__ import annotations

from pathlib import Path

from benchmarks import dead_hosts, tables, uneven
from benchmarks.compare import Result
from benchmarks.goals import judged, judged_of_hosts
from benchmarks.workloads import WORKLOADS


def write_page(folder: Path) -> str:
    """Write README.md and a chart a workload into *folder*; return the page."""
    page = ["# Results", "Written by `python -m benchmarks`. No program's time counts whose"
            " pictures were not all there and whole. *System* and *user* are processor"
            " seconds."]  # fmt: skip
    everything: list[Result] = []
    for name in WORKLOADS:
        if (folder / f"{name}.csv").exists():
            machine, results = tables.read_csv(folder / f"{name}.csv")
            if results:
                everything += results
                page += [f"## {name}", f"{tables.title(results)}. {machine}."]
                page += [tables.markdown(results), *_chart(folder, name, results)]
    given, some = _uneven(folder)
    took, more = _dead_hosts(folder)
    page += some + more
    page += ["## To reach", tables.goals_table(judged(everything) + judged_of_hosts(given, took))]
    page += ["## The article", tables.ARTICLE]
    text = "\n\n".join(part.strip() for part in page) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return text


def _uneven(folder: Path) -> tuple[list[uneven.Given], list[str]]:
    path = folder / "uneven.csv"
    if not path.exists():
        return [], []
    machine, seconds, given = uneven.read_csv(path)
    about = (
        f"{uneven.ABOUT} {seconds:g} seconds each. Pictures a second, and refusals in all in"
        f" brackets. {machine}."
    )
    return given, ["## uneven", about, uneven.markdown(given, seconds)]


def _dead_hosts(folder: Path) -> tuple[list[dead_hosts.Took], list[str]]:
    path = folder / "dead-hosts.csv"
    if not path.exists():
        return [], []
    machine, living, took = dead_hosts.read_csv(path)
    about = f"{dead_hosts.ABOUT} Medians of {len(took) // 2} runs, in turn. {machine}."
    return took, ["## dead-hosts", about, dead_hosts.markdown(took, living)]


def _chart(folder: Path, name: str, results: list[Result]) -> list[str]:
    try:
        from benchmarks.charts import write_chart
    except ImportError:
        return []
    write_chart(folder / f"{name}.png", tables.title(results), results)
    return [f"![{name}]({name}.png)"]
