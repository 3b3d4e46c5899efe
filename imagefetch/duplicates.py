"""Lines that ask for the same URL: one download, a row each."""

from __future__ import annotations

import hashlib
import sqlite3
from urllib.parse import urldefrag


def key_of(url: str) -> bytes:
    """Return what lines with the same request URL share; a fragment isn't sent.

    128 bits: among 10 million URLs the odds of any collision are 1e-25.
    """
    return hashlib.blake2b(urldefrag(url).url.encode(), digest_size=16).digest()


class Outcomes:
    """Where in the report the row of each URL asked for stands.

    A disposable SQLite database in a temporary file of its own: memory stays
    flat however long the list is.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA cache_size = -16000")  # KiB
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE outcome (key BLOB PRIMARY KEY, offset) WITHOUT ROWID")
        self._db.execute("BEGIN")  # never committed: nothing here outlives the process

    def add(self, key: bytes) -> bool:
        """Note that *key*'s URL is asked for; False if it was before."""
        cursor = self._db.execute("INSERT OR IGNORE INTO outcome VALUES (?, NULL)", (key,))
        return cursor.rowcount == 1

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
