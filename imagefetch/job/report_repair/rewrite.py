"""Rewrites a report, so that the file is always either the old one or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from imagefetch.errors import BadInput, ReportError
from imagefetch.job.journal import Journal
from imagefetch.job.report_repair.moved_rows import MovedRows
from imagefetch.lists.list_file import ListFile
from imagefetch.output.own_files import new_file
from imagefetch.output.report.columns import OWN, PLAIN, Layout
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.report_file import read_layout, read_rows


def replace_report(report: Path, rows: Iterable[bytes], layout: Layout = PLAIN) -> None:
    """Write *rows*, which have *layout*, to a temporary file, then replace *report* with it.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    replace(write_new(report, rows, layout), report)


def replace(new: Path, report: Path) -> None:
    """Replace *report* with *new*; if *report* is a link, replace its target.

    :raises ReportError: if the file system refuses; the report is left unchanged
    """
    try:
        new.replace(os.path.realpath(report))
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ReportError(f"{report}: can't be rewritten: {error.strerror}") from error


def write_new(report: Path, rows: Iterable[bytes], layout: Layout) -> Path:
    """Write *rows* to a temporary file in the folder of *report*; return its path.

    :raises ReportError: if the file system refuses; the temporary file is removed
    """
    new = None
    try:
        new = new_file(Path(os.path.realpath(report)))
        with new.open("wb") as file:
            file.write(layout.header)
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


class Rewritten(NamedTuple):
    """A new report, which is to replace one."""

    path: Path
    loses_rows: bool
    """Whether it lacks rows of lines that the list no longer has."""
    lost_columns: tuple[str, ...]
    """Columns of the old report that the list no longer has, or that are no longer carried."""

    @property
    def loses(self) -> str:
        """What the new report lacks, for a message; empty if nothing."""
        names = ", ".join(self.lost_columns)
        rows = "rows of lines that it no longer has" if self.loses_rows else ""
        return " and ".join(filter(None, (rows, names and f"the columns {names}")))


def rewrite_for_list(report: Path, urls: ListFile, journal: Journal, layout: Layout) -> Rewritten:
    """Write a new report with *layout*: one row per line, only of lines that the list has.

    Rows of moved lines get their new number. If the report has other columns of the list than
    *layout*, these are filled from the list.

    :raises BadInput: if most rows are not of this list
    """
    old = read_layout(report) or layout
    same = old.carried == layout.carried
    moved = MovedRows(layout)
    for row in read_rows(report):
        if journal.is_last(row) and not journal.is_matched(row):
            moved.add(row)
    claimed = 0
    for line in urls.lines():
        if not journal.has_row(line):
            claimed += moved.claim(line)
        elif not same:
            moved.assign(journal.offset(line), line)
    if (journal.matched + claimed) * 2 < journal.lines:
        moved.close()
        raise BadInput(
            f"{report}: is of another list: {journal.matched + claimed:,} of its {journal.lines:,} "
            "lines are in this one; name another with -a report=PATH, or restart from scratch with "
            "-a fresh=1"
        )
    new = write_new(report, _rows_of_list(report, journal, moved, old if same else None), layout)
    moved.close()
    lost = tuple(name for name in old.carried if name not in layout.carried)
    return Rewritten(new, journal.matched + claimed < journal.lines, lost)


def _rows_of_list(
    report: Path, journal: Journal, moved: MovedRows, same: Layout | None
) -> Iterator[bytes]:
    """*same*: the layout of *report*, if its columns of the list are kept."""
    for row in read_rows(report):
        if not journal.is_last(row):
            continue
        if same is not None and journal.is_matched(row):
            yield with_own_columns(row.raw, same)
        elif place := moved.place_of(row):
            yield encode([*row.moved_to(place.line, place.part), *place.carried])


def with_own_columns(raw: bytes, layout: Layout) -> bytes:
    """Return the row *raw* of a report with *layout*, with all columns of imagefetch."""
    missing = b"," * (OWN - layout.own)  # only reports without columns of a list lack some
    return raw.removesuffix(b"\r\n") + missing + b"\r\n" if missing else raw
