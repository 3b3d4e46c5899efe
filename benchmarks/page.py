"""The page that shows all results, out of the CSV files that lie beside it."""

from __future__ import annotations

from pathlib import Path

from benchmarks import tables
from benchmarks.compare import Result
from benchmarks.goals import judged
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
    page += ["## To reach", tables.goals_table(judged(everything))]
    page += ["## The article", tables.ARTICLE]
    text = "\n\n".join(part.strip() for part in page) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return text


def _chart(folder: Path, name: str, results: list[Result]) -> list[str]:
    try:
        from benchmarks.charts import write_chart
    except ImportError:
        return []
    write_chart(folder / f"{name}.png", tables.title(results), results)
    return [f"![{name}]({name}.png)"]
