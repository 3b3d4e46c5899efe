"""Lists the files in a store, and which of them are named by rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imagefetch.output.ownership.intents import NOTES_FILE, Notes, read_notes
from imagefetch.output.ownership.numbered_reports import REPLACED
from imagefetch.output.ownership.owner import INDEX
from imagefetch.utils.bounded.scratch_db import ScratchDatabase

NOTES = {NOTES_FILE, REPLACED, INDEX}
"""Names of files in the folders for partial files that are not partial files."""


class StoredFiles:
    """Keeps file names in a disposable SQLite database, since there may be ten million."""

    def __init__(self) -> None:
        self._db = ScratchDatabase("CREATE TABLE file (name TEXT PRIMARY KEY, named) WITHOUT ROWID")

    def read(self, store: Path) -> int:
        """Add the files in *store*, except partial files; return how many of those there are."""
        partial = 0
        for folder, _, names in os.walk(store):
            below = Path(folder).relative_to(store)
            for name in names:
                if below.parts[:1] != (".part",):
                    path = _text((below / name).as_posix())
                    self._db.execute("INSERT OR IGNORE INTO file VALUES (?, 0)", (path,))
                elif name.removesuffix(".new") not in NOTES:
                    partial += 1
        return partial

    def name(self, name: str) -> bool:
        """Note that a row names *name*; return False if another row did before, or *name* is
        empty."""
        query = "INSERT INTO file VALUES (?, 1) ON CONFLICT DO UPDATE SET named = 1 WHERE named = 0"
        return bool(name) and self._db.execute(query, (_text(name),)).rowcount == 1

    def unnamed(self) -> Iterator[str]:
        """Yield the names of the files that no row names, sorted."""
        for (name,) in self._db.execute("SELECT name FROM file WHERE named = 0 ORDER BY name"):
            yield name

    def is_unnamed(self, name: str) -> bool:
        """Whether there is a file *name* and no row names it."""
        query = "SELECT 1 FROM file WHERE name = ? AND named = 0"
        return self._db.execute(query, (_text(name),)).fetchone() is not None

    def close(self) -> None:
        self._db.close()


def _text(name: str) -> str:
    """Return *name* as text that SQLite accepts; names made by imagefetch are not changed."""
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def all_notes(store: Path) -> Notes:
    """Return the notes of all reports' runs on files in *store* that have no row yet."""
    notes: Notes = {}
    for path in (store / ".part").glob(f"*/{NOTES_FILE}"):
        for name, identities in read_notes(path).items():
            notes.setdefault(name, set()).update(identities)
    return notes
