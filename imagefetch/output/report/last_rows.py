"""Selects the last row of each line of a report: a line that was fetched again has several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import read_rows

# Rows are in the order in which lines were finished. A line number far above the number of
# rows belongs to another list; the array of counts is not extended for it.
FAR = 20_000_000
FAR_PER_ROW = 100

MOST = 255
"""Largest count in one byte."""


def last_rows(report: Path) -> Iterator[Row]:
    """Yield the last row of each line of *report*, in the report's order.

    Reads the report twice, up to its end at the first reading. Takes one byte of memory for each
    line of the list.

    :raises BadInput: if *report* is not a report of imagefetch, or is damaged
    """
    left, end = RowCounts(), 0
    for row in read_rows(report):
        left.add(row.line)
        end = row.offset
    for row in read_rows(report):
        if row.offset > end:  # a running job has appended rows
            return
        if left.remove(row.line):
            yield row


class RowCounts:
    """Counts the rows of each line."""

    def __init__(self) -> None:
        self._counts = bytearray()
        self._overflow: Counter[int] = Counter()
        """Counts that don't fit there: those above `MOST`, and those of far line numbers."""
        self._rows = 0

    def add(self, line: int) -> None:
        """Count a row of *line*."""
        self._rows += 1
        if len(self._counts) <= line <= FAR + FAR_PER_ROW * self._rows:
            extension = max(line - len(self._counts) + 1, len(self._counts) // 2, 1024)
            self._counts.extend(bytes(extension))
        if line < len(self._counts) and self._counts[line] < MOST:
            self._counts[line] += 1
        else:
            self._overflow[line] += 1

    def remove(self, line: int) -> bool:
        """Subtract one of the rows added for *line*; return whether it was the last."""
        if self._overflow[line]:
            self._overflow[line] -= 1
        else:
            self._counts[line] -= 1
        return not self._overflow[line] and not (line < len(self._counts) and self._counts[line])
