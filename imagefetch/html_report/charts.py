"""Draws charts as inline SVG with pygal; colours and fonts come from the page's style sheet.

pygal adds a style sheet, scripts and tooltip elements to each chart. The page has no
scripts, so these are removed; instead, each mark gets an SVG title with its meaning and value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pygal
from lxml import etree
from markupsafe import Markup
from pygal.config import Config
from pygal.style import Style

Format = Callable[[float], str]

WIDTH, NARROW = 480, 340
"""Width of a chart in its own units, at which its labels are as large as the page's text. Charts
in rows of three are narrow."""

SVG = "{http://www.w3.org/2000/svg}"

# pygal reserves space for labels of this size, that of the page on a phone.
STYLE = Style(label_font_size=13, major_label_font_size=13)

COMMON = {
    "style": STYLE,
    "css": [],
    "js": [],
    "show_legend": False,
    "margin": 4,
    "spacing": 4,
    "print_values": False,
}


def bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    form: Format,
    title: str,
    width: int = WIDTH,
) -> Markup:
    """Draw a horizontal bar for each of *labels*, stacked from the values of *series*."""
    height = 34 + 24 * len(labels)
    chart = pygal.HorizontalStackedBar(
        _config(form, width=width, height=height, truncate_label=28, margin_right=24)
    )
    # pygal draws from the bottom up; the first label is the topmost.
    chart.x_labels = list(reversed(labels))
    for name, values in series.items():
        chart.add(name, list(reversed(values)))
    chart.y_labels = ticks(max(map(sum, zip(*series.values(), strict=True)), default=0))
    return _drawn(chart, title, list(series))


def columns(
    labels: Sequence[str],
    values: Sequence[float],
    form: Format,
    title: str,
    width: int = WIDTH,
) -> Markup:
    """Draw a column for each of *labels*, of which as many as fit are written."""
    chart = pygal.Bar(
        _config(form, width=width, height=190, show_minor_x_labels=False, truncate_label=-1)
    )
    chart.x_labels = list(labels)
    chart.x_labels_major = list(labels)[:: max(1, -(-len(labels) // (width // 68)))]
    chart.y_labels = ticks(max(values, default=0))
    chart.add("", list(values))
    return _drawn(chart, title, [""])


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    form: Format,
    form_x: Format,
    title: str,
) -> Markup:
    """Draw each of *series*, pairs of seconds and value, as a line over time."""
    chart = pygal.XY(
        _config(
            form,
            width=WIDTH,
            height=190,
            fill=len(series) == 1,
            show_dots=False,
            include_x_axis=True,
        )
    )
    chart.x_value_formatter = form_x
    for name, points in series.items():
        chart.add(name, list(points))
    last = max((x for points in series.values() for x, _ in points), default=0)
    chart.x_labels = ticks(last, time=True)
    chart.y_labels = ticks(max((y for points in series.values() for _, y in points), default=0))
    return _drawn(chart, title, list(series))


def ticks(most: float, *, time: bool = False) -> list[float]:
    """Return at most six round values from 0 to *most* or a little more; *time*: in seconds."""
    if most <= 0:
        return [0, 1]
    steps: list[float] = [10.0**n * m for n in range(-3, 16) for m in (1, 2, 5)]
    if time:
        steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800]
        steps += [86_400 * m * 10**n for n in range(6) for m in (1, 2, 5)]
    step = next(step for step in steps if most / step <= 5)
    return [round(step * n, 6) for n in range(int(most / step - 1e-9) + (1 if time else 2))]


def _config(form: Format, **options: Any) -> Config:
    return Config(value_formatter=form, **COMMON, **options)


def _drawn(chart: Any, title: str, names: Sequence[str]) -> Markup:
    """Render *chart* without the parts that the page does not need."""
    root = chart.render_tree()
    for attribute in list(root.attrib):
        if attribute not in {"viewBox", "class"}:
            del root.attrib[attribute]
    root.set("role", "img")
    root.set("aria-label", title)
    for element in list(root.iter()):
        parent = element.getparent()
        if parent is None:
            continue
        kind = element.get("class", "") if isinstance(element.tag, str) else ""
        unused = element.tag in {f"{SVG}defs", f"{SVG}title", f"{SVG}desc", "defs", "title", "desc"}
        if not isinstance(element.tag, str) or unused or "-overlay" in kind:
            if element.tag in {f"{SVG}desc", "desc"} and kind == "value":
                _add_title(parent, element, names)
            parent.remove(element)
    return Markup(etree.tostring(root, encoding="unicode"))


def _add_title(mark: Any, value: Any, names: Sequence[str]) -> None:
    """Add a title to *mark*: its label, the name of its series, and its *value*."""
    label = next((e.text for e in mark if e.get("class") == "x_label"), "") or ""
    series = next(
        (e.get("class") for e in mark.iterancestors() if "serie-" in e.get("class", "")), "serie-0"
    )
    name = names[int(series.split("serie-")[1].split()[0])]
    title = etree.SubElement(mark, f"{SVG}title" if mark.tag.startswith(SVG) else "title")
    title.text = ": ".join(filter(None, [label, name, value.text]))
    mark.insert(0, title)
