"""Rewrites a report, so that the file is always either the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imagefetch.errors import BadInput, ReportError
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.moved_rows import MovedRows
from imagefetch.lists.list_file import ListFile
from imagefetch.output.own_files import new_file
from imagefetch.output.report.csv_rows import HEADER, encode
from imagefetch.output.report.report_file import read_rows


def replace_report(report: Path, rows: Iterator[bytes]) -> None:
    """Write *rows* to a temporary file, then replace *report* with it.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    replace(write_new(report, rows), report)


def replace(new: Path, report: Path) -> None:
    """Replace *report* with *new*; if *report* is a link, replace its target.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    try:
        new.replace(os.path.realpath(report))
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ReportError(f"{report}: can't be rewritten: {error.strerror}") from error


def write_new(report: Path, rows: Iterator[bytes]) -> Path:
    """Write *rows* to a temporary file in the folder of *report*; return its path.

    :raises ReportError: if the file system refuses; the temporary file is removed
    """
    new = None
    try:
        new = new_file(Path(os.path.realpath(report)))
        with new.open("wb") as file:
            file.write(HEADER)
            file.writelines(rows)
            file.flush()
            os.fsync(file.fileno())
        return new
    except BaseException as error:
        if new is not None:
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ReportError(f"{report}: can't be rewritten: {error.strerror}") from error
        raise


def rewrite_for_list(report: Path, urls: ListFile, journal: Journal) -> tuple[Path, bool]:
    """Write a new report: one row per line, only of lines that the list has.

    Rows of moved lines get their new number. Return the path, and whether rows are lost.

    :raises BadInput: if most rows are not of this list
    """
    moved = MovedRows()
    for row in read_rows(report):
        if journal.is_last(row) and not journal.is_matched(row):
            moved.add(row)
    claimed = sum(
        moved.claim(line.text, line.number) for line in urls.lines() if not journal.has_row(line)
    )
    if (journal.matched + claimed) * 2 < journal.lines:
        moved.close()
        raise BadInput(
            f"{report}: is of another list: {journal.matched + claimed:,} of its {journal.lines:,} "
            "lines are in this one; name another with -a report=PATH, or restart from scratch with "
            "-a fresh=1"
        )
    new = write_new(report, _rows_of_list(report, journal, moved))
    moved.close()
    return new, journal.matched + claimed < journal.lines


def _rows_of_list(report: Path, journal: Journal, moved: MovedRows) -> Iterator[bytes]:
    for row in read_rows(report):
        if not journal.is_last(row):
            continue
        if journal.is_matched(row):
            yield row.raw
        elif number := moved.line_of(row):
            yield encode(row.moved_to(number))
