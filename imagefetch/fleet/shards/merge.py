"""Merges the reports of shards into one, in the order of the list, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from imagefetch.errors import ReportError
from imagefetch.fleet.shards.append import Appender
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.lists.list_file import ListFile
from imagefetch.output.report.csv_rows import HEADER, Row
from imagefetch.output.report.report_file import read_rows
from imagefetch.urls import Line

LINES = 2**16
"""Lines of the list whose rows are sorted at a time."""


class Sorter:
    """Sorts rows by their line numbers; of two rows of a line, the later one is kept.

    Rows are stored in files in *folder*, one file for each `LINES` lines.
    """

    def __init__(self, folder: Path) -> None:
        self._files = Appender(folder, HEADER)

    def add(self, row: Row) -> None:
        self._files.append(f"{row.line // LINES}.csv", row.raw)

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order. After this call, `add` must not be called."""
        self._files.flush()
        for _, path in sorted((int(path.stem), path) for path in self._files.folder.iterdir()):
            last = {row.line: row for row in read_rows(path)}
            for line in sorted(last):
                yield last[line]

    def close(self) -> None:
        self._files.close()


def in_order(lines: Iterable[Line], rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the row of each line; *rows* are in the order of their lines.

    :raises ReportError: if a line has no row, or a row has no line
    """
    row = next(rows, None)
    for line in lines:
        if row is None or (row.line, row.url) != line[:2]:
            raise ReportError(f"line {line.number} of the list has no row in the job folder")
        yield row
        row = next(rows, None)
    if row is not None:
        raise ReportError(f"the list has no line {row.line}, but the job folder has a row for it")


def write_report(
    urls: ListFile, report: Path, rows: Iterator[Row], see: Callable[[Row], None]
) -> None:
    """Replace *report* with *rows*, which are in the order of their lines; call *see* with each.

    :raises ReportError: if a line of the list *urls* has no row, or a row has no line; *report* is
        then unchanged
    """

    def checked_rows() -> Iterator[bytes]:
        for row in in_order(urls.lines(), rows):
            see(row)
            yield row.raw

    replace_report(report, checked_rows())
