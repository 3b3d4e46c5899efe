"""Temporary SQLite databases, for data that must not grow in memory."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable
from typing import Any

from imagefetch.errors import SystemLimit


class ScratchDatabase:
    """A SQLite database in a temporary file, which is deleted when it is closed.

    :raises SystemLimit: in each method, if SQLite fails, as on a full disk
    """

    def __init__(self, table: str, *, cache: int = 2_000) -> None:
        """*table* is the SQL that creates it, *cache* the page cache in memory, in KiB."""
        try:
            self._db = sqlite3.connect("", isolation_level=None)
        except sqlite3.Error as error:
            raise _no_room(error) from error
        self.execute(f"PRAGMA cache_size = -{cache}")
        self.execute("PRAGMA journal_mode = OFF")
        self.execute(table)
        self.execute("BEGIN")  # never committed

    def execute(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise _no_room(error) from error

    def executemany(self, query: str, values: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._db.executemany(query, values)
        except sqlite3.Error as error:
            raise _no_room(error) from error

    def close(self) -> None:
        self._db.close()


def _no_room(error: sqlite3.Error) -> SystemLimit:
    return SystemLimit(
        f"no room for a temporary file ({error}): free some in {tempfile.gettempdir()}, "
        "or set the environment variable TMPDIR to another folder"
    )


def key(text: str) -> bytes:
    """Return *text*, which may contain lone surrogates, encoded for use as a key."""
    return text.encode("utf-8", "surrogatepass")
