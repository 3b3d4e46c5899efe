"""Removes superseded rows, whose line was fetched again, and the files that only they name."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.lists.list_file import ListFile
from imagefetch.output.ownership.leftovers import Leftovers
from imagefetch.output.report.columns import PLAIN
from imagefetch.output.report.report_file import read_layout, read_rows
from imagefetch.output.store_paths import is_remote, local_path


def compact(report: Path, store: str, urls: ListFile) -> int:
    """Keep only the last row of each line, and remove the files that only dropped rows name.

    Return the number of removed files. *urls* is the list.
    """
    with closing(Journal()) as journal:
        journal.read_report(report, urls)
        removed = 0
        if journal.lines < journal.rows:
            removed = remove_superseded(report, store, urls, journal)
            rows = (row.raw for row in read_rows(report) if journal.is_last(row))
            replace_report(report, rows, read_layout(report) or PLAIN)
    return removed


def remove_superseded(
    report: Path, store: str, urls: ListFile, journal: Journal | None = None
) -> int:
    """Remove the files that superseded rows of *report* name, and no other row.

    A row is superseded by a later row of the same line. Return the number of removed files.
    """
    if is_remote(store):
        return 0
    if journal is None:
        with closing(Journal()) as own_journal:
            own_journal.read_report(report, urls)
            return remove_superseded(report, store, urls, own_journal)
    if journal.lines == journal.rows:
        return 0
    leftovers = Leftovers(row for row in read_rows(report) if not journal.is_last(row))
    return leftovers.remove(filter(journal.is_last, read_rows(report)), local_path(store))
