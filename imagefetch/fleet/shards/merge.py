"""Merges the reports of shards into one, in the order of the list, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from imagefetch.errors import ReportError
from imagefetch.fleet.shards.append import Appender
from imagefetch.job.report_repair.rewrite import replace_report
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.output.report.columns import PLAIN, Layout
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.encoding import encode
from imagefetch.output.report.report_file import read_rows

LINES = 2**16
"""Lines of the list whose rows are sorted at a time."""


class Sorter:
    """Sorts rows by line and part; of two rows of an image, the later one is kept.

    Rows are stored in files in *folder*, one file for each `LINES` lines.
    """

    def __init__(self, folder: Path, layout: Layout = PLAIN) -> None:
        """:param layout: that of the sorted rows"""
        self._files = Appender(folder, layout.header)

    def add(self, row: Row) -> None:
        """Add *row*; if it is from an older report, it gets the columns that it lacks."""
        self._files.append(f"{row.line // LINES}.csv", encode([*row.cells, *row.carried]))

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order. After this call, `add` must not be called."""
        self._files.flush()
        for _, path in sorted((int(path.stem), path) for path in self._files.folder.iterdir()):
            last = {(row.line, row.part or 0): row for row in read_rows(path)}
            for key in sorted(last):
                yield last[key]

    def close(self) -> None:
        self._files.close()


def in_order(lines: Iterable[Line], rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the row of each line; *rows* are in the order of their lines.

    :raises ReportError: if a line has no row, or a row has no line
    """
    row = next(rows, None)
    for line in lines:
        if row is None or (row.key, row.url) != (line.key, line.text):
            raise ReportError(f"{line.place} of the list has no row in the job folder")
        yield row
        row = next(rows, None)
    if row is not None:
        raise ReportError(f"the list has no {row.place}, but the job folder has a row for it")


def write_report(
    urls: ListFile,
    report: Path,
    layout: Layout,
    rows: Iterator[Row],
    see: Callable[[Row], None],
) -> None:
    """Replace *report* with *rows*, which have *layout* and are in the order of their lines; call
    *see* with each.

    :raises ReportError: if a line of the list *urls* has no row, or a row has no line; *report* is
        then unchanged
    """

    def checked_rows() -> Iterator[bytes]:
        for row in in_order(urls.lines(), rows):
            see(row)
            yield row.raw

    replace_report(report, checked_rows(), layout)
