"""Renders the HTML report with Jinja."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as html

from imagefetch import errors
from imagefetch.html_report.bottlenecks import bottlenecks, phases
from imagefetch.html_report.chart_data import charts
from imagefetch.images.non_images import KINDS
from imagefetch.line import place_of
from imagefetch.stats.run_info import RunInfo
from imagefetch.stats.run_stats import BYTES, DOWNLOADS, FAILED, LINES, SECONDS, Figures
from imagefetch.utils.formatting import count, duration, lines, share, size
from imagefetch.utils.text import escape, hide_credentials, hide_credentials_of

HOSTS_SHOWN = 12
TEXT_MAX = 160
"""Most characters of an untrusted text that are shown."""


def render(facts: dict[str, Any]) -> str:
    """Return the HTML of *facts*, a dictionary of JSON values.

    ``run`` and ``figures``: `RunInfo` and `Figures` as JSON; ``seconds``: duration of the run,
    or None; ``refresh``: seconds until the next write, or None; ``repeats``: repeated images;
    ``store``: folder of the images, None for a remote store; ``thumbnails``: JPEGs in
    Base64, by file; ``turned``: files with an image on its side; ``linked``: files that may be
    linked; ``folder``: that of the page.
    """
    figures, run = Figures.from_json(facts["figures"]), RunInfo(**facts["run"])
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            figures=figures,
            seconds=facts["seconds"],
            refresh=facts["refresh"] if run.started and run.ended is None else None,
            repeats=facts["repeats"],
            remote=facts["store"] is None,
            failures=list(_failures(figures)),
            busiest=list(_hosts(figures, LINES)),
            failing=list(_hosts(figures, FAILED)),
            sheet=list(_sheet(figures, facts)),
            charts=charts(figures),
            bottlenecks=bottlenecks(figures),
            phases=phases(figures),
            written=_time(time.time()),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("imagefetch.html_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        text=shown,
        address=shown_url,
        whole=escape,
        code=code,
        count=count,
        lines=lines,
        size=size,
        share=share,
        duration=duration,
        time=_time,
    )
    return environment


def shown(text: object) -> str:
    """Return untrusted *text* for display, without credentials and control characters."""
    return _short(escape(hide_credentials(str(text))))


def shown_url(url: str) -> str:
    """Return an untrusted *url* for display, without credentials and control characters."""
    return _short(escape(hide_credentials_of(url)))


def _short(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"


def code(text: str) -> Markup:
    """Return trusted *text* with parts in backticks as ``<code>`` elements."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(html(text))))


def link(url: str) -> str | None:
    """Return *url* if it may be linked, else None: it is http or https, has no credentials, and
    a browser parses it in the same way (browsers read a backslash as a slash)."""
    try:
        parts = urlsplit(url)
        allowed = parts.scheme in {"http", "https"} and parts.hostname and "\\" not in url
    except ValueError:
        return None
    return url if allowed and escape(hide_credentials_of(url)) == url else None


def file_link(store: str, file: str, folder: str) -> str:
    """Return the URL of *file* in *store*, relative to *folder* if possible."""
    path = Path(store, file)
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.as_uri()
    return f"./{quote(os.fsencode(relative))}"


def _failures(figures: Figures) -> Iterator[dict[str, Any]]:
    """Yield the table rows of the reasons, the most frequent first."""
    known = {cls.reason: cls for cls in errors.problems()}
    both = figures.reasons + figures.damaged
    kinds = ", ".join(KINDS[kind].sentence(number) for kind, number in figures.kinds.most_common())
    for slug, number in sorted(both.items(), key=lambda pair: (-pair[1], pair[0])):
        problem = known.get(slug)
        examples = [
            {"line": line, "url": url, "link": link(url), "code": code}
            for line, url, code in figures.examples.get(slug, [])
        ]
        yield {
            "reason": slug or "no reason",
            "count": number,
            "advice": problem.advice if problem else "",
            "kinds": kinds if problem is errors.NotAnImage else "",
            "again": _retried(problem),
            "examples": examples,
        }


def _retried(problem: type[errors.Problem] | None) -> str:
    """Say whether ``only=failed`` fetches lines with *problem* again."""
    if problem is errors.ClientError:
        return "408 and 425"
    return "yes" if problem is not None and problem.transient else "no"


def _hosts(figures: Figures, column: int) -> Iterator[dict[str, Any]]:
    for host, sums in figures.hosts.top(HOSTS_SHOWN, column):
        yield {
            "host": host,
            "lines": int(sums[LINES]),
            "failed": int(sums[FAILED]),
            "bytes": sums[BYTES],
            "speed": sums[BYTES] / sums[SECONDS] if sums[SECONDS] else None,
            "seconds": sums[SECONDS] / sums[DOWNLOADS] if sums[DOWNLOADS] else None,
        }


def _sheet(figures: Figures, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the images of the contact sheet in the order of the list."""
    store, thumbnails, linked = facts["store"], facts["thumbnails"], frozenset(facts["linked"])
    turned = frozenset(facts["turned"])
    for image in sorted(figures.sample.sample, key=_place):
        if store is not None and image["file"] not in thumbnails:
            continue  # no time was left for its thumbnail
        yield {
            **image,
            "place": place_of(image["line"], image.get("part")),
            "name": image["file"].rpartition("/")[2],
            "small": thumbnails.get(image["file"]),
            "turned": image["file"] in turned,
            "link": link(image["url"]),
            "path": file_link(store, image["file"], facts["folder"])
            if image["file"] in linked
            else None,
        }


def _place(image: dict[str, Any]) -> tuple[int, int]:
    return image["line"], image.get("part") or 0


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
