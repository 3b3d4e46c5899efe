"""Rebuilds the HTML report from a CSV report alone (``scrapy report --html``)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from scrapy.settings import BaseSettings

from imagefetch.config.destinations import check_report
from imagefetch.config.paths import find_paths, is_address
from imagefetch.config.rules.setting_rules import check_settings
from imagefetch.config.validation import check_arguments, check_files
from imagefetch.errors import BadInput
from imagefetch.html_report.writer import PageError, PageWriter, writer_of
from imagefetch.images.repeats import Repeats
from imagefetch.lists.copy import STANDARD_INPUT, copy_path
from imagefetch.output.report.csv_rows import Row, record_of
from imagefetch.output.report.last_rows import last_rows
from imagefetch.stats.run_info import RunInfo
from imagefetch.stats.run_stats import Figures, add_record
from imagefetch.stats.sketches import Reservoir

BUDGET = 60.0
"""Seconds for thumbnails; there is no run whose end waits for them."""


def rebuild(settings: BaseSettings, arguments: Mapping[str, Any]) -> Path:
    """Write the page of the report that *arguments* name; return its path.

    The page lacks what a report does not record. Takes a byte of memory per line.

    :raises BadInput: if the report can't be read, or the page can't be written
    """
    check_settings(settings)
    check_arguments(arguments)
    listed, report, store = find_paths(settings, arguments)
    urls = listed
    if not arguments.get("urls"):
        urls = ""  # the list of the setting need not belong to this report
    elif not is_address(urls):
        urls = str(copy_path(report) if urls == str(STANDARD_INPUT) else Path(urls).absolute())
    check_report(report)
    check_files(settings, listed, report)
    if not report.exists():
        raise BadInput(f"{report}: no such report; name one with -a report=PATH")
    figures, repeats = no_figures(settings)
    try:
        add_rows(report, figures, repeats)
    except OSError as error:
        raise BadInput(f"{report}: can't be read: {error.strerror}") from error
    info = RunInfo.of_paths(settings, urls, report, store)
    with closing(writer_of(settings, report, store)) as writer:
        try:
            write_page(writer, info, figures, repeats)
        except PageError as error:
            raise BadInput(f"{writer.path}: can't be written: {error}") from error
        return writer.path


def write_page(
    writer: PageWriter,
    info: RunInfo,
    figures: Figures,
    repeats: Repeats,
    *,
    seconds: float | None = None,
) -> None:
    """Write the page of a run that has ended, and took *seconds*, if known.

    :raises PageError: if it can't be written
    """
    facts = {
        "run": info.to_json(),
        "seconds": seconds,
        "refresh": None,
        "repeats": repeats.found()[:20],
        "figures": figures.to_json(),
    }
    writer.write(facts, BUDGET)


def no_figures(settings: BaseSettings) -> tuple[Figures, Repeats]:
    """Return empty statistics."""
    figures = Figures(sample=Reservoir(settings.getint("CONTACT_SHEET")))
    return figures, Repeats(settings.getint("PLACEHOLDER_REPEATS"))


def add_rows(report: Path, figures: Figures, repeats: Repeats) -> None:
    """Add the last row of each line of *report* to *figures* and *repeats*.

    :raises BadInput: if *report* is not a report of this program, or is damaged
    """
    for row in last_rows(report):
        try:
            add_row(figures, repeats, row)
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{report}: the row of {row.place} is damaged: {error}") from error


def add_row(figures: Figures, repeats: Repeats, row: Row) -> None:
    """Add *row* to *figures* and *repeats*.

    :raises ValueError, OverflowError: if *row* is damaged
    """
    add_record(record_of(row.cells), figures, repeats)
