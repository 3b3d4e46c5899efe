"""Matches rows to lines that have moved in the list."""

from __future__ import annotations

from imagefetch.output.report.csv_rows import Row
from imagefetch.utils.bounded.scratch_db import ScratchDatabase, key


class MovedRows:
    """Rows whose line number now has another URL, and the lines that claim them.

    Stored in a temporary SQLite database, since one line inserted at the top moves all others.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase("CREATE TABLE moved (offset INTEGER PRIMARY KEY, url, line)")
        self._db.execute("CREATE INDEX by_url ON moved (url) WHERE line IS NULL")

    def add(self, row: Row) -> None:
        self._db.execute("INSERT INTO moved VALUES (?, ?, NULL)", (row.offset, key(row.url)))

    def claim(self, url: str, line: int) -> bool:
        """Assign an unclaimed row with *url* to *line*; False if there is none."""
        query = "SELECT offset FROM moved WHERE url = ? AND line IS NULL LIMIT 1"
        unclaimed = self._db.execute(query, (key(url),)).fetchone()
        if unclaimed is None:
            return False
        self._db.execute("UPDATE moved SET line = ? WHERE offset = ?", (line, unclaimed[0]))
        return True

    def line_of(self, row: Row) -> int | None:
        """Return the line that claimed *row*, or None."""
        query = "SELECT line FROM moved WHERE offset = ?"
        claimed: tuple[int | None] | None = self._db.execute(query, (row.offset,)).fetchone()
        return claimed[0] if claimed else None

    def close(self) -> None:
        self._db.close()
