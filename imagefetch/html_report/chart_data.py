"""Which charts a run's page has, and what they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from markupsafe import Markup

from imagefetch.html_report.charts import NARROW, WIDTH, bars, columns, lines
from imagefetch.stats.run_stats import FAILED, LINES, PHASES, POINT, Figures
from imagefetch.stats.sketches import Histogram
from imagefetch.utils.formatting import binary_size, count, moment, number, share, size, spell
from imagefetch.utils.text import escape

BARS = 10
"""Bars of a chart, at most; what is left has one of its own."""

COLUMNS = 7
"""Columns of a chart, at least, so that none is a wall."""

# https://www.w3.org/TR/xml/#charsets, but for control characters, which are escaped.
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass
class Chart:
    """One chart, with what it says as a table."""

    title: str
    drawing: Markup
    head: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    legend: tuple[str, ...] = ()


class Held(NamedTuple):
    """What held a run back for some of its time."""

    name: str
    advice: str
    part: str
    """Of the time, in percent."""


HELD = {
    "processor": (
        "this machine's processor",
        "one processor was all but busy, and the program uses one: divide the list among "
        "several runs, or ask less of it with `VERIFY_IMAGES`",
    ),
    "requests": (
        "CONCURRENT_REQUESTS",
        "every place was taken: raise it, if network and memory allow",
    ),
    "hosts": (
        "the limits per host",
        "lines were ready whose hosts were asked as much as they take, or as they may be: "
        "`CONCURRENT_REQUESTS_PER_DOMAIN`, `DOWNLOAD_DELAY`; a list of mixed hosts waits less",
    ),
    "waiting": (
        "waits for another try",
        "nothing else was left to do: `RETRY_TIMES`, `RETRY_DELAY`, `BREAKER_FAILURES`",
    ),
    "list": (
        "the list itself",
        "no line was left to begin with: the last ones were under way, or the list is read slowly",
    ),
}
"""Name and advice of what `imagefetch.stats.recorder` finds."""

PHASE = dict(
    zip(
        PHASES,
        ("name service", "connecting, TLS included", "server's wait", "transfer", "hash and disk"),
        strict=True,
    )
)


def charts(figures: Figures) -> dict[str, Chart]:
    """Return the charts that *figures* have something for, by name."""
    made = _over_time(figures)
    if figures.codes:
        made["codes"] = _counted("Answers by response code", "code", figures.codes)
    if figures.hosts.sums:
        made["hosts"] = _hosts(figures)
    if figures.types:
        made["types"] = _counted("Pictures by type", "type", figures.types, NARROW)
    for name, histogram, title, form, width in (
        ("sizes", figures.sizes, "Bytes of a picture", binary_size, NARROW),
        ("sides", figures.sides, "Pixels of the longer side", count, NARROW),
        ("times", figures.times, "Time of a line, from first request to last byte", spell, WIDTH),
    ):
        if histogram.bins:
            made[name] = _distribution(title, histogram, form, width)
    if held(figures):
        made["held"] = _held(figures)
    if figures.phases[-1]:
        made["phases"] = _phases(figures)
    return made


def _over_time(figures: Figures) -> dict[str, Chart]:
    points = [point for point in figures.series.points if point[0] > 0]
    if len(points) > 1 and points[-1][0] < figures.series.step / 2:
        # Too short for a rate of its own: what happens to fall into it would be a peak.
        points[-2:] = [[a + b for a, b in zip(*points[-2:], strict=True)]]
    if len(points) < 2:
        return {}
    ends = list(accumulate(point[0] for point in points))

    def chart(title: str, name: str, form: Callable[[float], str], scale: float = 1) -> Chart:
        place = POINT.index(name) + 1
        rates = [point[place] / point[0] * scale for point in points]
        # What came within a stretch of time is drawn at its middle.
        middle = [end - point[0] / 2 for end, point in zip(ends, points, strict=True)]
        pairs = list(zip(middle, rates, strict=True))
        total = sum(point[place] for point in points)
        rows = [("mean", form(total / ends[-1] * scale)), ("most", form(max(rates)))]
        return Chart(title, lines({"": pairs}, form, moment, title), ("", title.lower()), rows)

    return {
        "images": chart("Images per second", "kept", number),
        "bytes": chart("Bytes per second", "bytes", size),
        "under_way": chart("Requests under way", "under_way", number),
        "waiting": chart("Lines that wait", "waiting", number),
    }


def _label(text: str) -> str:
    """Return a stranger's *text* as XML can hold it."""
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
    beside = max(0, COLUMNS - 1 - (high - low)) // 2
    numbers = range(max(0, low - beside), high + beside + 1)
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


def held(figures: Figures) -> list[Held]:
    """Return what held the run back, the longest first."""
    total = figures.held.total()
    return [
        Held(*HELD[what], share(number, total))
        for what, number in figures.held.most_common()
        if number and what in HELD
    ]


def _held(figures: Figures) -> Chart:
    title = "What held the run back, seconds"
    found = [(HELD[what][0], ms / 1000) for what, ms in figures.held.most_common() if ms]
    drawing = bars([name for name, _ in found], {"": [value for _, value in found]}, number, title)
    return Chart(title, drawing)


def phases(figures: Figures) -> list[tuple[str, str, str]]:
    """Return name, mean time and share of each part of a download."""
    *sums, number = figures.phases
    return [
        (PHASE[name], spell(value / number * 1000), share(value, sum(sums)))
        for name, value in zip(PHASES, sums, strict=True)
        if number
    ]


def _phases(figures: Figures) -> Chart:
    title = "Where a download's time goes, milliseconds on average"
    *sums, downloads = figures.phases
    values = [value / downloads * 1000 for value in sums]
    return Chart(title, bars(list(PHASE.values()), {"": values}, number, title))
