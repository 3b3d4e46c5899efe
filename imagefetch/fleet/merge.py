"""Merges the reports of shards into one, in the order of the list, in bounded memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from imagefetch.errors import ReportError
from imagefetch.job.rewrite import replace_report
from imagefetch.lists.plain import read_lines
from imagefetch.output.csv_rows import HEADER, Row, read_rows
from imagefetch.urls import Line

LINES = 2**16
"""Lines of the list whose rows are sorted at a time."""

BUFFER = 64 * 2**20  # bytes of rows that are buffered in memory


class Sorter:
    """Sorts rows by their line numbers; of two rows of a line, the later one is kept.

    Rows are stored in files in *folder*, one file for each `LINES` lines.
    """

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self._buffers: dict[int, list[bytes]] = {}
        self._size = 0

    def add(self, row: Row) -> None:
        self._buffers.setdefault(row.line // LINES, []).append(row.raw)
        self._size += len(row.raw) + 50  # plus the memory overhead of a bytes object in a list
        if self._size > BUFFER:
            self._flush()

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order. After this call, `add` must not be called."""
        self._flush()
        for _, path in sorted((int(path.stem), path) for path in self.folder.iterdir()):
            last = {row.line: row for row in read_rows(path)}
            for line in sorted(last):
                yield last[line]

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _flush(self) -> None:
        for number, rows in self._buffers.items():
            with (self.folder / f"{number}.csv").open("ab") as file:
                if not file.tell():
                    file.write(HEADER)
                file.writelines(rows)
        self._buffers.clear()
        self._size = 0


def in_order(lines: Iterable[Line], rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the row of each line; *rows* are in the order of their lines.

    :raises ReportError: if a line has no row, or a row has no line
    """
    row = next(rows, None)
    for line in lines:
        if row is None or (row.line, row.url) != line:
            raise ReportError(f"line {line.number} of the list has no row in the job folder")
        yield row
        row = next(rows, None)
    if row is not None:
        raise ReportError(f"the list has no line {row.line}, but the job folder has a row for it")


def write_report(urls: Path, report: Path, rows: Iterator[Row], see: Callable[[Row], None]) -> None:
    """Replace *report* with *rows*, which are in the order of their lines; call *see* with each.

    :raises ReportError: if a line of the list *urls* has no row, or a row has no line; *report* is
        then unchanged
    """

    def checked_rows() -> Iterator[bytes]:
        for row in in_order(read_lines(urls), rows):
            see(row)
            yield row.raw

    replace_report(report, checked_rows())
