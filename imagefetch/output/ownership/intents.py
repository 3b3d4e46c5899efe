"""Records files that are in the store, or about to be, and have no row yet.

Each file is noted before it is moved, so that the next run finds what a killed run left. A
note proves ownership: it identifies the file, so that no other file of the same name matches.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from imagefetch.output.file_names import stored_file
from imagefetch.output.ownership.moves import Identity

NOTES_FILE = "moving"
"""Name of the file of notes, in a report's folder for partial files."""
NOTES_MAX = 64 * 1024
"""Maximum size of that file, in bytes. Beyond, it is rewritten without notes on files that have
a row."""

Notes = dict[str, set[Identity]]


class Intents:
    """Keeps the notes of one run. Its methods are thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTES_FILE
        self._file: int | None = None
        self._size = 0
        self._lock = threading.Lock()
        self._notes: Notes = {}
        self.moved: set[str] = set()
        """Names of files that have been moved into the store."""

    def add(self, name: str, identity: Identity) -> None:
        """Note that a file is about to be moved to *name*.

        :raises OSError: if the file system refuses; then the file must not be moved
        """
        note = _line(name, identity)
        with self._lock:
            self._notes.setdefault(name, set()).add(identity)
            if self._file is None or self._size + len(note) > NOTES_MAX:
                self._rewrite()  # includes the new note
            else:
                self._append(note)

    def cancel(self, name: str, identity: Identity) -> None:
        """Delete the note on a file that was not moved to *name*, since that is taken."""
        with self._lock:
            identities = self._notes.get(name, set())
            identities.discard(identity)
            if not identities:
                self._notes.pop(name, None)

    def end(self, name: str) -> None:
        """Delete the notes on *name*, whose row has been written."""
        with self._lock:
            self._notes.pop(name, None)
            self.moved.discard(name)

    def left(self) -> Notes:
        """Return the notes on files without a row."""
        with self._lock:
            return {name: set(identities) for name, identities in self._notes.items()}

    def close(self) -> None:
        """Close the file of notes; remove it if no note is left."""
        with self._lock:
            if self._file is None:
                return
            os.close(self._file)
            self._file = None
            if not self._notes:
                with suppress(OSError):
                    self._path.unlink()

    def _rewrite(self) -> None:
        new = self._path.with_name(f"{NOTES_FILE}.new")
        write_notes(new, self._notes)
        file = os.open(new, os.O_WRONLY | os.O_APPEND)
        new.replace(self._path)
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = file, os.fstat(file).st_size

    def _append(self, note: bytes) -> None:
        assert self._file is not None
        if os.write(self._file, note) < len(note):
            raise OSError(28, "No space left on device")
        self._size += len(note)


def _line(name: str, identity: Identity) -> bytes:
    return b"%d %d %d %s\n" % (*identity, name.encode("utf-8", "surrogatepass"))


def write_notes(path: Path, notes: Mapping[str, Iterable[Identity]]) -> None:
    """Write *notes* to *path*.

    :raises OSError: if the file system refuses
    """
    path.write_bytes(
        b"".join(
            _line(name, identity) for name, identities in notes.items() for identity in identities
        )
    )


def read_notes(path: Path) -> Notes:
    """Return the notes in the file *path*; invalid lines and a truncated last line are skipped."""
    notes: Notes = {}
    try:
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    except OSError:
        return {}
    for line in lines:
        with suppress(ValueError):
            inode, size, mtime, name = line.split(b" ", 3)
            identity = Identity(int(inode), int(size), int(mtime))
            notes.setdefault(name.decode("utf-8", "surrogatepass"), set()).add(identity)
    return notes


def proven_file(store: Path, name: str, identities: Iterable[Identity]) -> Path | None:
    """Return the path of the file *name* in *store* if its identity is one of *identities*."""
    path = stored_file(store, name)
    try:
        return path if path and Identity.of(path.lstat()) in set(identities) else None
    except OSError:
        return None
