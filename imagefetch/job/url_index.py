"""Lines that ask for the same URL: one download, a row each."""

from __future__ import annotations

from collections.abc import Iterable

from imagefetch.utils.scratch_db import ScratchDatabase


class Filter:
    """A set of URLs that forgets none and now and then knows one that was never added.

    One bit of 16 MiB each, at a place that the URL's hash tells.
    """

    BITS = 2**27

    def __init__(self) -> None:
        self._bits = bytearray(self.BITS // 8)

    def add(self, url: str) -> None:
        place = hash(url) % self.BITS
        self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, url: str) -> bool:
        place = hash(url) % self.BITS
        return bool(self._bits[place >> 3] >> (place & 7) & 1)


class Outcomes:
    """Where in the report the row of each URL asked for stands.

    A disposable SQLite database in a temporary file of its own: memory stays
    flat however long the list is.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase(
            "CREATE TABLE outcome (key BLOB PRIMARY KEY, offset) WITHOUT ROWID", cache=64_000
        )

    def add(self, key: bytes) -> bool:
        """Note that *key*'s URL is asked for; False if it was before."""
        cursor = self._db.execute("INSERT OR IGNORE INTO outcome VALUES (?, NULL)", (key,))
        return cursor.rowcount == 1

    def load(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Note the keys and offsets of rows of an earlier run; of equal keys the first counts."""
        self._db.executemany("INSERT OR IGNORE INTO outcome VALUES (?, ?)", rows)

    def set_offset(self, key: bytes, offset: int) -> None:
        """Note where the row of *key*'s URL begins, in bytes."""
        self._db.execute("UPDATE outcome SET offset = ? WHERE key = ?", (offset, key))

    def offset(self, key: bytes) -> int | None:
        """Return where the row of *key*'s URL begins; None before it is written."""
        query = "SELECT offset FROM outcome WHERE key = ?"
        row: tuple[int | None] | None = self._db.execute(query, (key,)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        self._db.close()
