"""Looks up which files in the store a report's rows name."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from enum import IntEnum
from pathlib import Path

from imagefetch.output.ownership.numbered_reports import rows_of, written_until
from imagefetch.output.report.report_file import read_rows


class Owner(IntEnum):
    """The owner of a file."""

    OTHER = 0
    """Another report, or the user."""
    EARLIER = 1
    """This report, but none of its current rows names the file.

    This holds only for files older than the last row of the earlier report that names them: a
    newer file has another owner, who used the name when it was free."""
    CURRENT = 2
    """This report, one of whose current rows names the file."""


class OwnNames:
    """Looks up file names in the rows of a report and of its earlier reports.

    Reads the reports at the first lookup, since most runs need none. Keeps the hashes of the
    names in a disposable SQLite database. Thread-safe.
    """

    def __init__(self, report: Path, earlier: Callable[[], Iterable[Path]], index: Path) -> None:
        """*index*: the file that `write_index` wrote for the whole job, if this run does a part."""
        self._report = report
        self._earlier = earlier
        self._index = index
        self._bytes_read = 0  # of the report
        self._db: sqlite3.Connection | None = None
        self._job_db: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def owner(self, name: str, mtime_ns: int) -> Owner:
        """Return the owner of the file *name*, which was last modified at *mtime_ns*."""
        with self._lock:
            if self._db is None:
                self._db = _create("")
                _add(self._db, self._earlier(), Owner.EARLIER)
                if self._index.is_file():
                    address = f"{self._index.absolute().as_uri()}?immutable=1"
                    self._job_db = sqlite3.connect(address, uri=True, check_same_thread=False)
            self._catch_up(self._db)
            owners = [
                _look_up(db, name, mtime_ns) for db in (self._db, self._job_db) if db is not None
            ]
        return max(owners)

    def _catch_up(self, db: sqlite3.Connection) -> None:
        if not self._report.exists():
            return
        for row in read_rows(self._report, self._bytes_read):
            _insert(db, row.file, Owner.CURRENT, 0)
            self._bytes_read = row.offset + len(row.raw)

    def close(self) -> None:
        with self._lock:
            for db in (self._db, self._job_db):
                if db is not None:
                    db.close()
            self._db = self._job_db = None
            self._bytes_read = 0


def write_index(report: Path, earlier: Iterable[Path], index: Path) -> None:
    """Write the names in the rows of *report* and of the *earlier* reports to the file *index*.

    :raises OSError: if the file system refuses
    """
    new = index.with_name(f"{index.name}.new")
    new.unlink(missing_ok=True)
    try:
        with closing(_create(str(new))) as db:
            _add(db, earlier, Owner.EARLIER)
            if report.exists():
                _add(db, [report], Owner.CURRENT)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        with suppress(OSError):
            new.unlink()
        raise OSError(f"{index}: {error}") from error
    new.replace(index)


def _create(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("CREATE TABLE name (hash INTEGER PRIMARY KEY, owner, until)")
    db.execute("BEGIN")
    return db


def _add(db: sqlite3.Connection, reports: Iterable[Path], owner: Owner) -> None:
    for report in reports:
        until = written_until(report)
        for row in rows_of(report):
            _insert(db, row.file, owner, until)


def _insert(db: sqlite3.Connection, name: str, owner: Owner, until: int) -> None:
    if name:
        query = (
            "INSERT INTO name VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
            "SET owner = max(owner, ?2), until = max(until, ?3)"
        )
        db.execute(query, (_hash(name), owner, until))


def _look_up(db: sqlite3.Connection, name: str, mtime_ns: int) -> Owner:
    query = "SELECT owner, until FROM name WHERE hash = ?"
    owner, until = db.execute(query, (_hash(name),)).fetchone() or (Owner.OTHER, 0)
    return Owner.OTHER if owner == Owner.EARLIER and mtime_ns > until else Owner(owner)


def _hash(name: str) -> int:
    """Return 64 bits: another owner's name equals one of ten million with probability 5e-13."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
