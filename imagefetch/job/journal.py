"""Reads the report as a journal, to find which lines of the list are done."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

from imagefetch.config.only_argument import NOTHING, Only
from imagefetch.job.done_totals import DoneTotals
from imagefetch.job.image_order import NO_INDEX, ImageOrder
from imagefetch.job.url_index import BloomFilter, RowOffsets
from imagefetch.line import Line, LineKey
from imagefetch.lists.list_file import ListFile
from imagefetch.output.report.carried import carried_cells
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.last_rows import FAR, FAR_PER_ROW
from imagefetch.output.report.report_file import read_layout, read_rows
from imagefetch.urls import key_of, sent_url

MISSING, DONE, AGAIN = 0, 1, 2
"""States of a line: no row; a row; a row, but the line is to be fetched again."""
MATCHED = 4
"""Flag of a state: the list has the row's URL, and its own columns, at the row's line."""


class Journal:
    """State of each line of a list, as earlier runs left it.

    Memory: 17 bytes per line of the list, 29 per image of a shard or of a list with several images
    a line; 16 MiB more while reading; and an entry of `RowOffsets` for each URL of a done line
    that other lines share.
    """

    def __init__(self) -> None:
        self.row_offsets = RowOffsets()
        self.before = DoneTotals()
        """Sums over rows of done lines, correct if no line has two rows."""
        self.total: int | None = None
        """Lines in the list; None before they are counted."""
        self.done = 0
        """Lines that need no more work."""
        self.rows = 0
        """Rows in the report."""
        self.lines = 0
        """Distinct lines that have a row."""
        self.matched = 0
        """Lines of the list that have a row with their number and URL."""
        self.end = 0
        """Byte offset in the report at which the last row read ends."""
        self._order: ImageOrder | None = None  # None: by line number
        self._layout: Layout | None = None  # whose columns of the list are compared, too
        self._states = bytearray()
        self._hashes = array("q")  # of the URL in a line's last row
        self._offsets = array("q")  # of a line's last row, in bytes

    def is_done(self, line: Line) -> bool:
        """Whether *line* needs no more work."""
        return self._state(line) == DONE

    def has_row(self, line: Line) -> bool:
        """Whether there is a row with *line*'s number and URL."""
        return self._state(line) != MISSING

    def offset(self, line: Line) -> int:
        """Return the byte offset of *line*'s last row."""
        return self._offsets[self._index(line.key)]

    def is_last(self, row: Row) -> bool:
        """Whether *row* is the last row of its line."""
        index = self._index(row.key)
        return index >= len(self._offsets) or self._offsets[index] == row.offset

    def is_matched(self, row: Row) -> bool:
        """Whether the list has *row*'s URL, and its own columns, at *row*'s line."""
        index = self._index(row.key)
        return index < len(self._states) and bool(self._states[index] & MATCHED)

    def read(self, report: Path, urls: ListFile, only: Only = NOTHING) -> None:
        """Read *report* and match its rows to the list *urls*.

        :raises BadInput: if *report* is damaged or not a report of this program
        """
        layout = Layout.of_list(urls.columns)
        if layout.carried and read_layout(report) == layout:
            self._layout = layout
        self.read_report(report, urls, only)
        wanted = BloomFilter()
        self._match(urls, wanted)
        if self.done < (self.total or 0):
            self.row_offsets.load(self._outcomes_of(urls, wanted))

    def read_report(self, report: Path, urls: ListFile, only: Only = NOTHING) -> None:
        """Read the rows of *report* without matching them to the list *urls*.

        :raises BadInput: as `read` does
        """
        if urls.is_shard or not self._read_rows(report, only):
            self._order = ImageOrder(urls.lines())
            self._read_rows(report, only)

    def _read_rows(self, report: Path, only: Only) -> bool:
        """Read the rows; return False if they can't be found by their line numbers alone."""
        self.before = DoneTotals()
        self.rows = self.lines = 0
        self._states, self._hashes, self._offsets = bytearray(), array("q"), array("q")
        implausible: set[LineKey] = set()
        row = None
        for row in read_rows(report):
            key = row.key
            if key[1] is not None and self._order is None:
                return False
            index = self._index(key)
            self.rows += 1
            if index >= len(self._states) and not self._grow(index):
                implausible.add(key)
                continue
            self.lines += not self._states[index]
            if only and only.selects(row):
                self._states[index] = AGAIN
            else:
                self._states[index] = DONE
                self.before.add(row)
            self._hashes[index] = hash((row.url, *row.carried) if self._layout else row.url)
            self._offsets[index] = row.offset
        self.lines += len(implausible)
        if row is not None:
            self.end = row.offset + len(row.raw)
        return True

    def close(self) -> None:
        self.row_offsets.close()

    def _match(self, urls: ListFile, wanted: BloomFilter) -> None:
        """Read the list: count its lines, and add the URLs of lines not done to *wanted*."""
        self.total = 0
        for line in urls.lines():
            self.total += 1
            state = self._state(line)
            if state != MISSING:
                self.matched += 1
                self._states[self._index(line.key)] |= MATCHED
            if state == DONE:
                self.done += 1
            elif url := sent_url(line.url):
                wanted.add(url)

    def _outcomes_of(self, urls: ListFile, wanted: BloomFilter) -> Iterator[tuple[bytes, int]]:
        """Yield URL key and row offset of each done line whose URL is in *wanted*."""
        for line in urls.lines():
            if self._state(line) == DONE:
                url = sent_url(line.url)
                if url is not None and url in wanted:
                    yield key_of(url), self.offset(line)

    def _state(self, line: Line) -> int:
        index = self._index(line.key)
        if index >= len(self._states) or not self._states[index]:
            return MISSING
        layout, text = self._layout, line.text
        known = hash((text, *carried_cells(line.record, layout)) if layout else text)
        if self._hashes[index] != known:
            return MISSING
        return self._states[index] & ~MATCHED

    def _index(self, key: LineKey) -> int:
        """Return the arrays' index of a line; `NO_INDEX` if it can't have a row."""
        if self._order is not None:
            return self._order.index(key)
        return key[0] if key[1] is None else NO_INDEX

    def _grow(self, index: int) -> bool:
        """Extend the arrays to *index*; False if it is implausible for a report of this length."""
        if index > FAR + FAR_PER_ROW * self.rows:
            return False
        more = max(index - len(self._states) + 1, len(self._states) // 2, 1024)
        self._states.extend(bytes(more))
        self._hashes.frombytes(bytes(8 * more))
        self._offsets.frombytes(bytes(8 * more))
        return True
