"""The report as journal: which lines of the list are done?"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from imagefetch.config.only import NOTHING, Only
from imagefetch.job.earlier_runs import Before
from imagefetch.job.url_index import Filter, Outcomes
from imagefetch.lists.plain import read_lines
from imagefetch.lists.shards import is_shard
from imagefetch.output.csv_rows import Row, read_rows
from imagefetch.output.last_rows import FAR, FAR_PER_ROW
from imagefetch.urls import Line, key_of, sent_url

MISSING, DONE, AGAIN = 0, 1, 2
"""States of a line: without a row, with one, and with one that is to be superseded."""
MATCHED = 4
"""Added where the list has the row's URL at its line."""


NOWHERE = 2**62


class Journal:
    """What an earlier run left of a list.

    Takes 17 bytes for each line of the list, of a shard 25; 16 MiB while reading,
    and what `Outcomes` takes for URLs of done lines that other lines have too.
    """

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.before = Before()
        """What rows come to whose lines need no more work, where no line has two."""
        self.total: int | None = None
        """Lines in the list; None while nobody has counted them."""
        self.done = 0
        """Lines that need no more work."""
        self.rows = 0
        """Rows in the report."""
        self.lines = 0
        """Different lines among them."""
        self.matched = 0
        """Lines of the list that have a row with their number and URL."""
        self.end = 0
        """Where in the report the last row that was read ends, bytes."""
        self._numbers: array[int] | None = None  # of a shard's lines, in order
        self._states = bytearray()
        self._hashes = array("q")  # of the URL in a line's row
        self._offsets = array("q")  # of a line's last row

    def is_done(self, line: Line) -> bool:
        """Whether *line* needs no more work."""
        return self._state(line) == DONE

    def has_row(self, line: Line) -> bool:
        """Whether a row has *line*'s number and URL."""
        return self._state(line) != MISSING

    def offset(self, line: Line) -> int:
        """Return where *line*'s last row begins, bytes."""
        return self._offsets[self._place(line.number)]

    def is_last(self, row: Row) -> bool:
        """Whether no later row has *row*'s line."""
        place = self._place(row.line)
        return place >= len(self._offsets) or self._offsets[place] == row.offset

    def is_matched(self, row: Row) -> bool:
        """Whether the list has *row*'s URL at *row*'s line."""
        place = self._place(row.line)
        return place < len(self._states) and bool(self._states[place] & MATCHED)

    def read(self, report: Path, urls: Path, only: Only = NOTHING) -> None:
        """Take in what *report* says of the list *urls*.

        :raises BadInput: if *report* is none of this program's, or damaged
        """
        if is_shard(urls):
            self._numbers = array("q", sorted(line.number for line in read_lines(urls)))
        self.read_report(report, only)
        wanted = Filter()
        self._match(urls, wanted)
        if self.done < (self.total or 0):
            self.outcomes.load(self._outcomes_of(urls, wanted))

    def read_report(self, report: Path, only: Only = NOTHING) -> None:
        """Take in the rows of *report*, whatever list they are of."""
        elsewhere = set()
        row = None
        for row in read_rows(report):
            place = self._place(row.line)
            self.rows += 1
            if place >= len(self._states) and not self._grow(place):
                elsewhere.add(row.line)
                continue
            self.lines += not self._states[place]
            if only and only.wants(row):
                self._states[place] = AGAIN
            else:
                self._states[place] = DONE
                self.before.add(row)
            self._hashes[place] = hash(row.cells[0])
            self._offsets[place] = row.offset
        self.lines += len(elsewhere)
        if row is not None:
            self.end = row.offset + len(row.raw)

    def close(self) -> None:
        self.outcomes.close()

    def _match(self, urls: Path, wanted: Filter) -> None:
        """Read the list; count its lines, and add to *wanted* the URLs of those to be done."""
        self.total = 0
        for line in read_lines(urls):
            self.total += 1
            state = self._state(line)
            if state != MISSING:
                self.matched += 1
                self._states[self._place(line.number)] |= MATCHED
            if state == DONE:
                self.done += 1
            elif url := sent_url(line.text):
                wanted.add(url)

    def _outcomes_of(self, urls: Path, wanted: Filter) -> Iterator[tuple[bytes, int]]:
        """Yield key and offset of the lines that are done, where another line wants them."""
        for line in read_lines(urls):
            if self._state(line) == DONE:
                url = sent_url(line.text)
                if url is not None and url in wanted:
                    yield key_of(url), self.offset(line)

    def _state(self, line: Line) -> int:
        place = self._place(line.number)
        if place >= len(self._states) or self._hashes[place] != hash(line.text):
            return MISSING
        return self._states[place] & ~MATCHED

    def _place(self, number: int) -> int:
        """Return where what is known of line *number* stands; `NOWHERE` if the list has none."""
        if self._numbers is None:
            return number
        place = bisect_left(self._numbers, number)
        found = place < len(self._numbers) and self._numbers[place] == number
        return place if found else NOWHERE

    def _grow(self, place: int) -> bool:
        """Make room for *place*; False if a report of this length can't mean it."""
        if place > FAR + FAR_PER_ROW * self.rows:
            return False
        more = max(place - len(self._states) + 1, len(self._states) // 2, 1024)
        self._states.extend(bytes(more))
        self._hashes.frombytes(bytes(8 * more))
        self._offsets.frombytes(bytes(8 * more))
        return True
