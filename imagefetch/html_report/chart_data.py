"""Selects, labels and draws the charts of the HTML report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from imagefetch.html_report.bottlenecks import BOTTLENECKS, PHASE_NAMES
from imagefetch.html_report.charts import NARROW, WIDTH, bars, columns, lines
from imagefetch.stats.run_stats import FAILED, LINES, POINT, Figures
from imagefetch.stats.sketches import Histogram
from imagefetch.utils.formatting import binary_size, count, moment, number, share, size, spell
from imagefetch.utils.text import escape

BARS = 10
"""Most bars of a chart; one more stands for the rest."""

COLUMNS = 7
"""Least columns of a chart, so that a single one does not fill it."""

# https://www.w3.org/TR/xml/#charsets, without control characters, which `escape` replaces.
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass
class Chart:
    """One chart, and its data as a table."""

    title: str
    drawing: Markup
    head: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    legend: tuple[str, ...] = ()


def charts(figures: Figures) -> dict[str, Chart]:
    """Return the charts for which *figures* have data, by name."""
    drawn = _over_time(figures)
    if figures.codes:
        drawn["codes"] = _counted("Responses by code", "code", figures.codes)
    if figures.hosts.sums:
        drawn["hosts"] = _hosts(figures)
    if figures.types:
        drawn["types"] = _counted("Images by type", "type", figures.types, NARROW)
    for name, histogram, title, form, width in (
        ("sizes", figures.sizes, "File sizes", binary_size, NARROW),
        ("sides", figures.sides, "Longer sides, pixels", count, NARROW),
        ("times", figures.times, "Time per line, from first request to last byte", spell, WIDTH),
    ):
        if histogram.bins:
            drawn[name] = _distribution(title, histogram, form, width)
    if figures.bottlenecks.total():
        drawn["bottlenecks"] = _bottlenecks(figures)
    if figures.phases[-1]:
        drawn["phases"] = _phases(figures)
    return drawn


def _over_time(figures: Figures) -> dict[str, Chart]:
    points = [point for point in figures.series.points if point[0] > 0]
    if len(points) > 1 and points[-1][0] < figures.series.step / 2:
        # The last interval is too short for a rate: one image in it would look like a peak.
        points[-2:] = [[a + b for a, b in zip(*points[-2:], strict=True)]]
    if len(points) < 2:
        return {}
    ends = list(accumulate(point[0] for point in points))

    def chart(title: str, name: str, form: Callable[[float], str], scale: float = 1) -> Chart:
        index = POINT.index(name) + 1
        rates = [point[index] / point[0] * scale for point in points]
        # The rate of an interval is drawn at its middle.
        middle = [end - point[0] / 2 for end, point in zip(ends, points, strict=True)]
        pairs = list(zip(middle, rates, strict=True))
        total = sum(point[index] for point in points)
        rows = [("mean", form(total / ends[-1] * scale)), ("maximum", form(max(rates)))]
        return Chart(title, lines({"": pairs}, form, moment, title), ("", title.lower()), rows)

    return {
        "images": chart("Images per second", "kept", number),
        "bytes": chart("Bytes per second", "bytes", size),
        "in_flight": chart("Requests in flight", "in_flight", number),
        "waiting": chart("Waiting lines", "waiting", number),
    }


def _label(text: str) -> str:
    """Return untrusted *text* with only those characters that XML allows."""
    return _NOT_XML.sub("\ufffd", escape(text))


def _counted(title: str, what: str, counts: Counter[str], width: int = WIDTH) -> Chart:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    top, rest = ranked[:BARS], sum(number for _, number in ranked[BARS:])
    shown = [*top, ("others", rest)] if rest else top
    labels = [_label(name) or "none" for name, _ in shown]
    drawing = bars(labels, {"": [number for _, number in shown]}, count, title, width)
    rows = [
        (label, count(number), share(number, counts.total()))
        for label, (_, number) in zip(labels, shown, strict=True)
    ]
    return Chart(title, drawing, (what, "count", "share"), rows)


def _hosts(figures: Figures) -> Chart:
    title = "Busiest hosts: lines kept and failed"
    top = list(figures.hosts.top(BARS))
    labels = [_label(host) for host, _ in top]
    series = {
        "kept": [sums[LINES] - sums[FAILED] for _, sums in top],
        "failed": [sums[FAILED] for _, sums in top],
    }
    return Chart(title, bars(labels, series, count, title), legend=("kept", "failed"))


def _distribution(
    title: str, histogram: Histogram, form: Callable[[float], str], width: int
) -> Chart:
    low, high = min(histogram.bins), max(histogram.bins)
    padding = max(0, COLUMNS - 1 - (high - low)) // 2
    numbers = range(max(0, low - padding), high + padding + 1)
    labels = [form(histogram.edge(number)) for number in numbers]
    values = [histogram.bins[number] for number in numbers]
    total = sum(values)
    rows = [
        (f"{label} and more", count(value), share(value, total))
        for label, value in zip(labels, values, strict=True)
        if value
    ]
    return Chart(
        title, columns(labels, values, count, title, width), ("from", "count", "share"), rows
    )


def _bottlenecks(figures: Figures) -> Chart:
    title = "Bottlenecks of the run, seconds"
    pairs = [
        (BOTTLENECKS[key][0], ms / 1000) for key, ms in figures.bottlenecks.most_common() if ms
    ]
    drawing = bars([name for name, _ in pairs], {"": [value for _, value in pairs]}, number, title)
    return Chart(title, drawing)


def _phases(figures: Figures) -> Chart:
    title = "Phases of a download, milliseconds on average"
    *sums, downloads = figures.phases
    values = [value / downloads * 1000 for value in sums]
    return Chart(title, bars(list(PHASE_NAMES.values()), {"": values}, number, title))
