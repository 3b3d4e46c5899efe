"""A run's page out of its report alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.about import About
from imagefetch.checks import Run, check_report
from imagefetch.errors import BadInput
from imagefetch.figures import Figures
from imagefetch.html_report import PageError, writer_of
from imagefetch.journal import Journal
from imagefetch.places import find_places
from imagefetch.repeats import Repeats
from imagefetch.rows import read_rows, record_of
from imagefetch.rules import check_settings
from imagefetch.sketches import Reservoir
from imagefetch.urls import host_of

BUDGET = 60.0
"""Seconds for small copies; nobody waits for a run's end here."""


def rebuild(settings: BaseSettings, arguments: Mapping[str, Any]) -> Path:
    """Write the page of the report that *arguments* name; return where it is.

    What a report doesn't tell is not on it. Takes what `Journal` takes.

    :raises BadInput: if the report can't be read, or the page not be written
    """
    check_settings(settings)
    urls, report, store = find_places(settings, arguments)
    check_report(report)
    if not report.exists():
        raise BadInput(f"{report}: no such report; name one with -a report=PATH")
    figures = Figures(sample=Reservoir(settings.getint("CONTACT_SHEET")))
    repeats = Repeats(settings.getint("PLACEHOLDER_REPEATS"))
    add_rows(report, figures, repeats)
    facts = {
        "about": About.of_run(settings, Run(Path(urls), report, store)).to_json(),
        "seconds": None,
        "refresh": None,
        "repeats": repeats.found()[:20],
        "figures": figures.to_json(),
    }
    writer = writer_of(settings, report, store)
    try:
        writer.write(facts, BUDGET)
    except PageError as error:
        raise BadInput(f"{writer.path}: can't be written: {error}") from error
    finally:
        writer.close()
    return writer.path


def add_rows(report: Path, figures: Figures, repeats: Repeats) -> None:
    """Add the last row of each line of *report* to *figures* and *repeats*.

    :raises BadInput: if *report* is none of this program's, or damaged
    """
    journal = Journal()
    journal.read_report(report)
    for row in read_rows(report):
        if not journal.is_last(row):
            continue
        try:
            record = record_of(row.cells)
            figures.add(record, host_of(record.url))
            if record.file and record.attempts:
                repeats.add(record.url, record.sha256)
        except ValueError as error:
            raise BadInput(f"{report}: the row of line {row.line} is damaged: {error}") from error
    journal.close()
