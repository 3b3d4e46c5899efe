"""Rows against lines: has each line of a run exactly one?"""

from __future__ import annotations

from imagefetch.errors import RowsMissing
from imagefetch.items import ImageRecord
from imagefetch.urls import Line


class Tally:
    """Counts them, and adds up the lines' numbers, so that one lost and one doubled are told."""

    def __init__(self) -> None:
        self.lines = self.rows = 0
        self.whole = False
        """Whether the list was read to its end."""
        self._difference = 0
        """Of the sums of the numbers."""

    def handed_out(self, line: Line) -> None:
        """Note that *line* is to have a row."""
        self.lines += 1
        self._difference += line.number

    def row_written(self, record: ImageRecord) -> None:
        self.rows += 1
        self._difference -= record.line

    def check(self) -> None:
        """:raises RowsMissing: if a run that has come to its end isn't finished"""
        if not self.whole:
            raise RowsMissing(
                "the list was not read to its end: a component that you added has stopped it"
            )
        if self.lines != self.rows or self._difference:
            raise RowsMissing(
                f"{self.rows:,} rows were written for {self.lines:,} lines: a component that you "
                "added has lost or changed some; the same command fetches what is missing"
            )
