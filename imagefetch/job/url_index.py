"""Indexes URLs, so that lines with the same URL share one download; each gets its own row."""

from __future__ import annotations

from collections.abc import Iterable

from imagefetch.utils.bounded.scratch_db import ScratchDatabase


class BloomFilter:
    """A Bloom filter of URLs with one hash function: no false negatives, few false positives.

    16 MiB; each URL sets the bit that its hash selects.
    """

    BITS = 2**27

    def __init__(self) -> None:
        self._bits = bytearray(self.BITS // 8)

    def add(self, url: str) -> None:
        bit = hash(url) % self.BITS
        self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, url: str) -> bool:
        bit = hash(url) % self.BITS
        return bool(self._bits[bit >> 3] >> (bit & 7) & 1)


class RowOffsets:
    """Maps each requested URL to the offset of its row in the report.

    Stored in a temporary SQLite database, so that memory doesn't grow with the list.
    """

    def __init__(self) -> None:
        self._db = ScratchDatabase(
            "CREATE TABLE outcome (key BLOB PRIMARY KEY, offset) WITHOUT ROWID", cache=64_000
        )

    def add(self, key: bytes) -> bool:
        """Record that *key*'s URL is requested; False if it was recorded before."""
        cursor = self._db.execute("INSERT OR IGNORE INTO outcome VALUES (?, NULL)", (key,))
        return cursor.rowcount == 1

    def load(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Record keys and offsets of rows of an earlier run; of equal keys the first is kept."""
        self._db.executemany("INSERT OR IGNORE INTO outcome VALUES (?, ?)", rows)

    def set_offset(self, key: bytes, offset: int) -> None:
        """Record the byte offset of the row of *key*'s URL."""
        self._db.execute("UPDATE outcome SET offset = ? WHERE key = ?", (offset, key))

    def offset(self, key: bytes) -> int | None:
        """Return the byte offset of the row of *key*'s URL; None before it is written."""
        query = "SELECT offset FROM outcome WHERE key = ?"
        row: tuple[int | None] | None = self._db.execute(query, (key,)).fetchone()
        return row[0] if row else None

    def close(self) -> None:
        self._db.close()
