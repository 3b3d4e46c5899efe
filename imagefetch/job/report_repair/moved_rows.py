"""Matches rows to lines that have moved in the list, or whose columns are to be rewritten."""

from __future__ import annotations

import json
from typing import NamedTuple

from imagefetch.line import Line
from imagefetch.output.report.carried import carried_cells
from imagefetch.output.report.columns import Layout
from imagefetch.output.report.csv_rows import Row
from imagefetch.utils.bounded.scratch_db import ScratchDatabase, key


class Place(NamedTuple):
    """What a row gets from the line that claimed it."""

    line: int
    part: int | None
    carried: list[str]
    """The cells of the list's own columns."""


class MovedRows:
    """Rows that are to be rewritten, and the lines that claim them.

    Stored in a temporary SQLite database, since one line inserted at the top moves all others.
    """

    def __init__(self, layout: Layout) -> None:
        """:param layout: that of the rewritten report"""
        self.layout = layout
        self._db = ScratchDatabase(
            "CREATE TABLE moved (offset INTEGER PRIMARY KEY, url, record, line, part, carried)"
        )
        self._db.execute("CREATE INDEX by_url ON moved (url, record) WHERE line IS NULL")

    def add(self, row: Row) -> None:
        """Add *row*, which any line with its URL may claim."""
        values = row.offset, key(row.url), _record_key(row.carried)
        self._db.execute("INSERT INTO moved VALUES (?, ?, ?, NULL, NULL, NULL)", values)

    def assign(self, offset: int, line: Line) -> None:
        """Assign the row at *offset* of the report to *line*."""
        place = _place(line, self.layout)
        query = "INSERT INTO moved VALUES (?, NULL, NULL, ?, ?, ?)"
        self._db.execute(query, (offset, *place[:2], json.dumps(place.carried)))

    def claim(self, line: Line) -> bool:
        """Assign an unclaimed row with the URL of *line* to it, preferably one with the same
        record; False if there is none."""
        place = _place(line, self.layout)
        query = "SELECT offset FROM moved WHERE url = ? AND line IS NULL"
        url = key(line.text)
        offset = None
        if self.layout.carried:  # of several images with one URL, each gets its own row
            offset = self._first(f"{query} AND record = ?", url, _record_key(place.carried))
        if offset is None and (offset := self._first(query, url)) is None:
            return False
        query = "UPDATE moved SET line = ?, part = ?, carried = ? WHERE offset = ?"
        self._db.execute(query, (*place[:2], json.dumps(place.carried), offset))
        return True

    def _first(self, query: str, *values: bytes | None) -> int | None:
        found: tuple[int] | None = self._db.execute(f"{query} LIMIT 1", values).fetchone()
        return found[0] if found else None

    def place_of(self, row: Row) -> Place | None:
        """Return the place of *row*, from the line that claimed it; None if none did."""
        query = "SELECT line, part, carried FROM moved WHERE offset = ? AND line IS NOT NULL"
        claimed = self._db.execute(query, (row.offset,)).fetchone()
        return Place(claimed[0], claimed[1], json.loads(claimed[2])) if claimed else None

    def close(self) -> None:
        self._db.close()


def _place(line: Line, layout: Layout) -> Place:
    return Place(line.number, line.part, carried_cells(line.record, layout))


def _record_key(carried: list[str]) -> bytes | None:
    return key("\0".join(carried)) if carried else None
