"""Checks that each line of a run gets exactly one row."""

from __future__ import annotations

from imagefetch.errors import RowsMissing
from imagefetch.items import ImageRecord
from imagefetch.line import Line


class RowCheck:
    """Counts lines and rows, and sums numbers of their lines and parts.

    The sums show a lost row and a duplicate one that the counts alone would hide.
    """

    def __init__(self) -> None:
        self.lines = self.rows = 0
        self.whole = False
        """Whether the list was read to the end."""
        self._difference = 0
        """Sum of `imagefetch.urls.id_of` the lines minus those of the rows."""

    def handed_out(self, line: Line) -> None:
        """Record that *line* must get a row."""
        self.lines += 1
        self._difference += line.id

    def row_written(self, record: ImageRecord) -> None:
        """Record that the row of *record* is written."""
        self.rows += 1
        self._difference -= record.line_id

    def check(self) -> None:
        """Check the counts at the end of a run.

        :raises RowsMissing: if lines were not read, or have no row or several
        """
        if not self.whole:
            raise RowsMissing(
                "the list was not read to its end: a component that you added has stopped the run"
            )
        if self.lines != self.rows or self._difference:
            raise RowsMissing(
                f"{self.rows:,} rows were written for {self.lines:,} lines: a component that you "
                "added has lost or changed some; run the same command to fetch what is missing"
            )
