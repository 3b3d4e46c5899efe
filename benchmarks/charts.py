"""Results as bar charts."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.compare import Result

OURS, THEIRS = "#c0392b", "#7f8c8d"


def write_chart(path: Path, title: str, results: list[Result]) -> None:
    """Draw one workload: seconds on the left with minimum and maximum, peak memory on the right."""
    good = [result for result in results if result.runs]
    good.sort(key=lambda result: result.median(lambda usage: usage.wall), reverse=True)
    names = [result.program.name for result in good]
    colours = [OURS if name.startswith("imagefetch") else THEIRS for name in names]
    figure = Figure(figsize=(10, 1.4 + 0.32 * len(good)), layout="constrained")
    seconds, memory = figure.subplots(1, 2, sharey=True, width_ratios=[2, 1])
    medians = [result.median(lambda usage: usage.wall) for result in good]
    spreads = [result.spread(lambda usage: usage.wall) for result in good]
    errors = [
        [m - least for m, (least, _) in zip(medians, spreads, strict=True)],
        [most - m for m, (_, most) in zip(medians, spreads, strict=True)],
    ]
    bars = seconds.barh(names, medians, color=colours, xerr=errors, ecolor="#2c3e50")
    seconds.bar_label(bars, fmt="%.1f", padding=4)
    seconds.set_xlabel("seconds (median, minimum and maximum)")
    peaks = [result.median(lambda usage: usage.peak) / 1e6 for result in good]
    memory.bar_label(memory.barh(names, peaks, color=colours), fmt="%.0f", padding=4)
    memory.set_xlabel("peak memory, MB")
    for axes in (seconds, memory):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.15)
    figure.suptitle(title, fontsize=10)
    # No date and no version, so that the same figures make the same file.
    figure.savefig(path, dpi=100, metadata={"Software": None})
