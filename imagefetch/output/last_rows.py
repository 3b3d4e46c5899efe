"""The last row of each line of a report: a line that was fetched again has several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from imagefetch.output.csv_rows import Row, read_rows

# Rows come in the order in which lines were done. A row whose line number is
# beyond all measure belongs to another list; no room is made for it.
FAR = 20_000_000
FAR_PER_ROW = 100

MOST = 255
"""What a byte counts to."""


def last_rows(report: Path) -> Iterator[Row]:
    """Yield the last row of each line of *report*, as it stands now, in the report's order.

    Reads it twice. Takes a byte for each line of the list.

    :raises BadInput: if *report* is none of this program's, or damaged
    """
    left, end = RowCounts(), 0
    for row in read_rows(report):
        left.add(row.line)
        end = row.offset
    for row in read_rows(report):
        if row.offset > end:  # a running job went on writing
            return
        if left.take(row.line):
            yield row


class RowCounts:
    """How many rows each line has."""

    def __init__(self) -> None:
        self._counts = bytearray()
        self._beyond: Counter[int] = Counter()
        """What has no room there: more than `MOST`, and lines beyond all measure."""
        self._rows = 0

    def add(self, line: int) -> None:
        """Count a row of *line*."""
        self._rows += 1
        if len(self._counts) <= line <= FAR + FAR_PER_ROW * self._rows:
            more = max(line - len(self._counts) + 1, len(self._counts) // 2, 1024)
            self._counts.extend(bytes(more))
        if line < len(self._counts) and self._counts[line] < MOST:
            self._counts[line] += 1
        else:
            self._beyond[line] += 1

    def take(self, line: int) -> bool:
        """Take away one of *line*'s rows, which were added; return whether it was the last."""
        if self._beyond[line]:
            self._beyond[line] -= 1
        else:
            self._counts[line] -= 1
        return not self._beyond[line] and not (line < len(self._counts) and self._counts[line])
