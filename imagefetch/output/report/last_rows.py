"""Selects the last row of each line of a report: a line that was fetched again has several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from imagefetch.line import LineKey
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import read_rows

# Rows are in the order in which lines were finished. A line number far above the number of
# rows belongs to another list; the array of counts is not extended for it.
FAR = 20_000_000
FAR_PER_ROW = 100

MOST = 255
"""Largest count in one byte."""

PAGE = 256
"""Lines whose equal parts are counted in one array."""


def last_rows(report: Path) -> Iterator[Row]:
    """Yield the last row of each line of *report*, in the report's order.

    Reads the report twice, up to its end at the first reading. Takes about a byte of memory for
    each image of the list.

    :raises BadInput: if *report* is not a report of imagefetch, or is damaged
    """
    left, end = RowCounts(), 0
    for row in read_rows(report):
        left.add(row.key)
        end = row.offset
    for row in read_rows(report):
        if row.offset > end:  # a running job has appended rows
            return
        if left.remove(row.key):
            yield row


class RowCounts:
    """Counts the rows of each line, and of each part of a line."""

    def __init__(self) -> None:
        self._counts = bytearray()
        self._pages: dict[tuple[int, int], bytearray] = {}
        """Counts of parts, by part and by line number divided by `PAGE`."""
        self._overflow: Counter[LineKey] = Counter()
        """Counts that don't fit there: those above `MOST`, and those of far line numbers."""
        self._rows = 0

    def add(self, key: LineKey) -> None:
        """Count a row of *key*."""
        self._rows += 1
        if key[1] is None:
            self._grow(key[0])
        counts, index = self._page(key)
        if index < len(counts) and counts[index] < MOST:
            counts[index] += 1
        else:
            self._overflow[key] += 1

    def remove(self, key: LineKey) -> bool:
        """Subtract one of the rows added for *key*; return whether it was the last."""
        counts, index = self._page(key)
        if self._overflow[key]:
            self._overflow[key] -= 1
        else:
            counts[index] -= 1
        return not self._overflow[key] and not (index < len(counts) and counts[index])

    def _page(self, key: LineKey) -> tuple[bytearray, int]:
        """Return the array that counts *key*, and the index in it."""
        line, part = key
        if part is not None:
            page, index = divmod(line, PAGE)
            counts = self._pages.get((part, page))
            if counts is None:
                counts = self._pages[part, page] = bytearray(PAGE)
            return counts, index
        return self._counts, line

    def _grow(self, line: int) -> None:
        if len(self._counts) <= line <= FAR + FAR_PER_ROW * self._rows:
            extension = max(line - len(self._counts) + 1, len(self._counts) // 2, 1024)
            self._counts.extend(bytes(extension))
