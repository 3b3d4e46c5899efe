"""Removes the files that only superseded rows name: rows whose line was fetched again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from imagefetch.job.journal import Journal
from imagefetch.output.ownership.leftovers import Leftovers
from imagefetch.output.report.report_file import read_rows
from imagefetch.output.store_paths import is_remote, local_path


def remove_superseded(report: Path, store: str, journal: Journal | None = None) -> int:
    """Remove the files that superseded rows of *report* name, and no other row.

    A row is superseded by a later row of the same line. Return the number of removed files.
    """
    if is_remote(store):
        return 0
    if journal is None:
        with closing(Journal()) as own_journal:
            own_journal.read_report(report)
            return remove_superseded(report, store, own_journal)
    if journal.lines == journal.rows:
        return 0
    leftovers = Leftovers(row for row in read_rows(report) if not journal.is_last(row))
    return leftovers.remove(filter(journal.is_last, read_rows(report)), local_path(store))
