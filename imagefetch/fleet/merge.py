"""Many reports become one, in the order of the list, in bounded memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from imagefetch.errors import ReportError
from imagefetch.job.resume import replace_report
from imagefetch.lists.plain import read_lines
from imagefetch.output.csv_rows import HEADER, Row, read_rows
from imagefetch.urls import Line

LINES = 2**16
"""Of the list, whose rows are put in order at a time."""

BUFFER = 64 * 2**20  # bytes of rows in memory at once


class Sorter:
    """Takes rows in any order, and gives them back in that of their lines; of two, the later.

    They wait in files in *folder*, each for `LINES` lines.
    """

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self._buffers: dict[int, list[bytes]] = {}
        self._size = 0

    def add(self, row: Row) -> None:
        self._buffers.setdefault(row.line // LINES, []).append(row.raw)
        self._size += len(row.raw) + 50  # what an object in a list takes besides
        if self._size > BUFFER:
            self._flush()

    def rows(self) -> Iterator[Row]:
        """Yield what was added; nothing may be added any more."""
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
    """Yield the row of each line; *rows* come in the order of their lines.

    :raises ReportError: if a line has none, or if there is a row of no line
    """
    row = next(rows, None)
    for line in lines:
        if row is None or (row.line, row.cells[0]) != line:
            raise ReportError(f"line {line.number} of the list has no row in the job folder")
        yield row
        row = next(rows, None)
    if row is not None:
        raise ReportError(f"the list has no line {row.line}, of which the job folder has a row")


def write_report(urls: Path, report: Path, rows: Iterator[Row], see: Callable[[Row], None]) -> None:
    """Put *rows*, in the order of their lines, into the place of *report*; *see* each.

    :raises ReportError: as `in_order` does; *report* is left as it is then
    """

    def taken() -> Iterator[bytes]:
        for row in in_order(read_lines(urls), rows):
            see(row)
            yield row.raw

    replace_report(report, taken())
