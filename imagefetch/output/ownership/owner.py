"""Determines the owner of each file in a store: a report, whose runs alone may replace it.

No list of owners is stored. A report owns the files that its rows and those of its earlier
reports name, the files in its own folder of the store, and the files that its runs moved into
the store, if the notes of `imagefetch.output.ownership.intents` prove it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from imagefetch.errors import store_error
from imagefetch.output.ownership.intents import NOTES_FILE, Intents, proven_file, read_notes
from imagefetch.output.ownership.leftovers import Leftovers, remove_file, remove_noted
from imagefetch.output.ownership.moves import Identity
from imagefetch.output.ownership.named_files import Owner, OwnNames
from imagefetch.output.ownership.numbered_reports import (
    REPLACED,
    earlier_reports,
    replaced,
    rows_of,
    written_until,
)
from imagefetch.output.partial_files import (
    close_partial_folder,
    open_partial_folder,
    partial_folder,
)
from imagefetch.output.store_paths import is_remote, local_path

INDEX = "names"
"""Name of the index of all names in a job's rows, in the job's folder for partial files."""
CANDIDATES_MAX = 100
"""Number of names that are tried for one image."""


def own_folder(report: Path) -> str:
    """Return the name of the folder in the store that only *report* uses."""
    name = hashlib.sha256(str(report).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in report.stem)[:40]
    return f"{stem.strip('-_') or 'report'}-{name}"


class Ownership:
    """Manages the files in *store* that belong to the run that writes *report*.

    *job* is the report of the whole job if this run does a part of it: files that its rows name
    have the same owner. Remote stores are not read: no file there is owned or removed.
    """

    def __init__(self, report: Path, store: str, job: Path | None = None) -> None:
        self.report = report
        self.part = job is not None
        self.store = None if is_remote(store) else local_path(store)
        self.partial = partial_folder(store, report)
        """The folder for partial files and notes."""
        self.folder = own_folder(job or report)
        self.intents = Intents(self.partial)
        index = partial_folder(store, job or report) / INDEX
        self._names = OwnNames(report, lambda: earlier_reports(report), index)
        self._left = read_notes(self.partial / NOTES_FILE)

    def begin(self) -> None:
        """Remove what a killed run left: partial files, and files without a row.

        :raises StoreError: if the file system refuses
        """
        open_partial_folder(self.partial, keep={NOTES_FILE, REPLACED})
        if self.store is None:
            return
        # An attempt at a part of a job doesn't know all rows: the end of the job removes the files.
        self._left = read_notes(self.partial / NOTES_FILE)
        if self._left and not self.part:
            remove_noted(self._left, self.report, self.store)
            self._left = {}
        try:
            if self._left:
                for name, identities in self._left.items():
                    for identity in identities:
                        self.intents.add(name, identity)
            else:
                (self.partial / NOTES_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise store_error(self.partial, error) from error

    def candidate_names(self, name: str) -> Iterator[str]:
        """Yield the candidate names for an image to be called *name*, in order of preference."""
        yield name  # nearly always the only one that is needed
        yield f"{self.folder}/{name}"
        for n in range(2, CANDIDATES_MAX):
            yield f"{self.folder}/{n}/{name}"

    def owner(self, name: str, mtime_ns: int) -> Owner:
        """Return the owner of the file *name* in the store, last modified at *mtime_ns*."""
        if name in self.intents.moved:
            return Owner.CURRENT
        owner = self._names.owner(name, mtime_ns)
        if owner is not Owner.OTHER or self.store is None:
            return owner
        in_own_folder = name.startswith(f"{self.folder}/")
        if in_own_folder or proven_file(self.store, name, self._left.get(name, ())):
            return Owner.EARLIER
        return Owner.OTHER

    def note(self, name: str, identity: Identity) -> None:
        """Note that a file is about to be moved to *name*.

        :raises StoreError: if the file system refuses
        """
        try:
            self.intents.add(name, identity)
        except OSError as error:
            raise store_error(self.partial, error) from error

    def withdraw(self, name: str) -> None:
        """Remove the file *name*, which this run stored and which gets no row."""
        identities = self.intents.left().get(name, set())
        if self.store is not None and name in self.intents.moved:
            if path := proven_file(self.store, name, identities):
                remove_file(self.store, name, path)
            self.intents.end(name)

    def finish(self) -> int:
        """Remove the files of reports that the finished report replaces; return how many."""
        if self.store is None or self.part:
            return 0
        leftovers = Leftovers()
        for old in replaced(self.report, self.partial):
            leftovers.add(rows_of(old), written_until(old))
        removed = leftovers.remove(rows_of(self.report), self.store)
        with suppress(OSError):
            (self.partial / REPLACED).unlink()
        return removed

    def close(self) -> None:
        """Remove partial files, and files without a row, since their lines have other outcomes."""
        if self.store is not None and not self.part and (left := self.intents.left()):
            remove_noted(left, self.report, self.store)
            for name in left:
                self.intents.end(name)
        self.intents.close()
        self._names.close()
        close_partial_folder(self.partial, keep={NOTES_FILE, REPLACED})


def clean_up(report: Path, store: str) -> int:
    """Clean up after a run that was killed when all its rows were written.

    Return how many replaced files were removed.

    :raises StoreError: if the file system refuses
    """
    own = Ownership(report, store)
    if own.store is None or not own.partial.is_dir():
        return 0
    own.begin()
    removed = own.finish()
    own.close()
    return removed
