"""Indexes URLs, so that lines with the same URL share one download; each gets its own row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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

    The latest URLs are in memory, all others in a temporary SQLite database, so that memory doesn't
    grow with the list.
    """

    RECENT = 2**15
    """URLs that are in memory, at about 200 bytes each."""
    BITS = 2**24
    """Of a Bloom filter with one hash function, 2 MiB, which tells that most URLs are not in the
    database."""

    def __init__(self) -> None:
        self._db = ScratchDatabase(
            "CREATE TABLE outcome (key BLOB PRIMARY KEY, offset) WITHOUT ROWID", cache=64_000
        )
        self._recent: dict[bytes, int | None] = {}
        self._stored = bytearray(self.BITS // 8)

    def add(self, key: bytes) -> bool:
        """Record that *key*'s URL is requested; False if it was recorded before."""
        if key in self._recent or self._is_stored(key):
            return False
        if len(self._recent) >= self.RECENT:
            recent, self._recent = self._recent, {}
            self.load(recent.items())
        self._recent[key] = None
        return True

    def load(self, rows: Iterable[tuple[bytes, int | None]]) -> None:
        """Record keys and offsets of rows of an earlier run; of equal keys the first is kept."""
        self._db.executemany("INSERT OR IGNORE INTO outcome VALUES (?, ?)", self._marked(rows))

    def set_offset(self, key: bytes, offset: int) -> None:
        """Record the byte offset of the row of *key*'s URL."""
        if key in self._recent:
            self._recent[key] = offset
        else:
            self._db.execute("UPDATE outcome SET offset = ? WHERE key = ?", (offset, key))

    def offset(self, key: bytes) -> int | None:
        """Return the byte offset of the row of *key*'s URL; None before it is written."""
        if key in self._recent:
            return self._recent[key]
        row = self._row(key)
        return row[0] if row else None

    def _marked(
        self, rows: Iterable[tuple[bytes, int | None]]
    ) -> Iterator[tuple[bytes, int | None]]:
        """Yield *rows*, their keys added to the Bloom filter."""
        for key, offset in rows:
            place, bit = self._bit(key)
            self._stored[place] |= bit
            yield key, offset

    def _is_stored(self, key: bytes) -> bool:
        """Return whether *key* is in the database."""
        place, bit = self._bit(key)
        return bool(self._stored[place] & bit) and self._row(key) is not None

    def _bit(self, key: bytes) -> tuple[int, int]:
        """Return the index of the byte of *key* in the Bloom filter, and the bit in it."""
        number = int.from_bytes(key[:4], "big") % self.BITS  # the key is a hash
        return number >> 3, 1 << (number & 7)

    def _row(self, key: bytes) -> tuple[int | None] | None:
        query = "SELECT offset FROM outcome WHERE key = ?"
        row: tuple[int | None] | None = self._db.execute(query, (key,)).fetchone()
        return row

    def close(self) -> None:
        self._db.close()
