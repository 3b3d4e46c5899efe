"""Which files in the store do a report's rows name?"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from enum import IntEnum
from pathlib import Path

from imagefetch.output.csv_rows import read_rows
from imagefetch.output.ownership.numbered_reports import rows_of, written_until


class Owner(IntEnum):
    """Whose a file is."""

    OTHER = 0
    """Another report's, or the user's."""
    EARLIER = 1
    """This report's, and no row of it counts on the file any more.

    Of what an earlier report names, only files that are older than its last row are: what came
    later is another's, which took the name once it was free."""
    CURRENT = 2
    """This report's, and named by a row of it."""


class OwnNames:
    """Looks names up in the rows of a report and its earlier ones.

    They are read when the first name is looked up: most runs look none up. What they name is
    kept by its hash in a disposable SQLite database. Any thread may look names up.
    """

    def __init__(self, report: Path, earlier: Callable[[], Iterable[Path]], index: Path) -> None:
        """*index*: what `write_index` wrote of the whole job, for a run that does a part of it."""
        self._report = report
        self._earlier = earlier
        self._index = index
        self._read = 0  # bytes of the report
        self._db: sqlite3.Connection | None = None
        self._whole: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def owner(self, name: str, mtime_ns: int) -> Owner:
        """Say whose the file *name* is, which was last written to at *mtime_ns*."""
        with self._lock:
            if self._db is None:
                self._db = _make("")
                _add(self._db, self._earlier(), Owner.EARLIER)
                if self._index.is_file():
                    address = f"{self._index.absolute().as_uri()}?immutable=1"
                    self._whole = sqlite3.connect(address, uri=True, check_same_thread=False)
            self._catch_up(self._db)
            found = [
                _look_up(db, name, mtime_ns) for db in (self._db, self._whole) if db is not None
            ]
        return max(found)

    def _catch_up(self, db: sqlite3.Connection) -> None:
        if not self._report.exists():
            return
        for row in read_rows(self._report, self._read):
            _note(db, row.file, Owner.CURRENT, 0)
            self._read = row.offset + len(row.raw)

    def close(self) -> None:
        with self._lock:
            for db in (self._db, self._whole):
                if db is not None:
                    db.close()
            self._db = self._whole = None
            self._read = 0


def write_index(report: Path, earlier: Iterable[Path], index: Path) -> None:
    """Write what *report* and the *earlier* ones name to the file *index*.

    :raises OSError: if the file system refuses
    """
    new = index.with_name(f"{index.name}.new")
    new.unlink(missing_ok=True)
    try:
        with closing(_make(str(new))) as db:
            _add(db, earlier, Owner.EARLIER)
            if report.exists():
                _add(db, [report], Owner.CURRENT)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        with suppress(OSError):
            new.unlink()
        raise OSError(f"{index}: {error}") from error
    new.replace(index)


def _make(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("CREATE TABLE name (hash INTEGER PRIMARY KEY, owner, until)")
    db.execute("BEGIN")
    return db


def _add(db: sqlite3.Connection, reports: Iterable[Path], owner: Owner) -> None:
    for report in reports:
        until = written_until(report)
        for row in rows_of(report):
            _note(db, row.file, owner, until)


def _note(db: sqlite3.Connection, name: str, owner: Owner, until: int) -> None:
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
    """64 bits: that a name of another's is taken for one of ten million has odds of 5e-13."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
