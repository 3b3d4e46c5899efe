"""Removes files of the store that are proven to be a report's own and no longer needed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from imagefetch.output.file_names import stored_file
from imagefetch.output.ownership.intents import Notes, proven_file
from imagefetch.output.report.csv_rows import Row
from imagefetch.output.report.report_file import read_rows
from imagefetch.utils.bounded.scratch_db import ScratchDatabase, key

logger = logging.getLogger(__name__)

NEVER = 2**63 - 1


class Leftovers:
    """Collects the files named by rows that are, or will be, replaced.

    Uses a disposable SQLite database, since there may be ten million files.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        table = "CREATE TABLE file (name BLOB PRIMARY KEY, size, sha256, until) WITHOUT ROWID"
        self._db = ScratchDatabase(table)
        self.add(rows)

    def add(self, rows: Iterable[Row], until: int = NEVER) -> None:
        """Add the files that *rows* name. A file modified after *until* (ns) has another owner."""
        files = ((key(row.file), row.size, row.sha256, until) for row in rows if row.file)
        self._db.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", files)

    def remove(self, rows: Iterable[Row], store: Path) -> int:
        """Remove the collected files that none of *rows* names; return how many were removed.

        A file that differs from its row, as one that the user has edited, is kept. The
        collection is closed.
        """
        removed = 0
        if self._db.execute("SELECT 1 FROM file LIMIT 1").fetchone():
            named = ((key(row.file),) for row in rows)
            self._db.executemany("DELETE FROM file WHERE name = ?", named)
            for raw, size, sha256, until in self._db.execute("SELECT * FROM file"):
                name = raw.decode("utf-8", "surrogatepass")
                path = stored_file(store, name)
                if path is not None and matches_row(path, size, sha256, until):
                    removed += remove_file(store, name, path)
        self._db.close()
        return removed


def remove_noted(notes: Notes, report: Path, store: Path) -> int:
    """Remove the files of *notes* that no row of *report* names; return how many were removed."""
    left = dict(notes)
    if left and report.exists():
        for row in read_rows(report):
            left.pop(row.file, None)
    removed = 0
    for name, identities in left.items():
        if path := proven_file(store, name, identities):
            removed += remove_file(store, name, path)
    return removed


def remove_file(store: Path, name: str, path: Path) -> bool:
    """Remove the file *path*, called *name* in *store*, and its folders that become empty.

    Return whether the file was removed; log a warning if not.
    """
    try:
        path.unlink()
    except OSError as error:
        logger.warning("%s: can't be removed: %s", path, error.strerror)
        return False
    with suppress(OSError):
        for folder in PurePosixPath(name).parents[:-1]:
            (store / folder).rmdir()
    return True


def matches_row(path: Path, size: str, sha256: str, until: int) -> bool:
    """Whether the file *path* has the given size and SHA-256, and wasn't modified after *until*
    (ns)."""
    try:
        status = path.stat()
        if str(status.st_size) != size or status.st_mtime_ns > until:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
