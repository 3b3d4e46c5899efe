"""Partial files: response bodies on their way to disk."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagefetch.errors import StoreError, store_error
from imagefetch.images.formats import HEAD
from imagefetch.output.store_paths import is_remote, local_path

# Bytes of a body that is kept in memory beside its file until it has a row, so that
# the file need not be read.
SMALL = 32 * 1024


ATTEMPT_REPORT = re.compile(r"job-[0-9a-f]{12}-[0-9]{6,9}-[0-9]{4,9}-[0-9a-z]{1,16}\.csv")
"""What `imagefetch.fleet` calls a report in a folder of the worker's own: job, shard, attempt."""


@dataclass(frozen=True)
class Download:
    """A body that came whole."""

    path: Path | None = None
    """Its partial file; None for an empty body, or one that is not wanted."""
    size: int = 0
    """Bytes."""
    sha256: str = ""
    """Lower-case hex."""
    head: bytes = b""
    """The first bytes, at least `HEAD` of them where there are so many."""

    @property
    def in_memory(self) -> bool:
        """Whether ``head`` is all of it."""
        return len(self.head) == self.size

    def discard(self) -> None:
        """Remove the partial file.

        :raises StoreError: if the file system refuses
        """
        if self.path is not None:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise store_error(self.path, error) from error


# Bytes of a piece that is copied to those before it, not kept as it came: an object for each
# takes 40 bytes more, and a server may send a byte at a time.
TINY = 1_024


class Gathered:
    """Pieces of a body that wait to be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        """Bytes, gathered or written out."""
        self.head = b""
        """The first of them, `HEAD` at most."""
        self.gathered = 0
        """Bytes."""
        self._pieces: list[bytes | bytearray] = []

    def gather(self, data: bytes) -> None:
        if len(data) >= TINY:
            self._pieces.append(data)
        elif self._pieces and isinstance(self._pieces[-1], bytearray):
            self._pieces[-1] += data
        else:
            self._pieces.append(bytearray(data))
        self.gathered += len(data)
        self.size += len(data)
        if len(self.head) < HEAD:
            self.head += data[: HEAD - len(self.head)]

    def take(self) -> bytes | bytearray:
        """Return what was gathered, and forget it."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.gathered = 0
        return data


class PartialFile(Gathered):
    """A file for a body: what arrives is gathered, and written out when told to.

    It is made when the first bytes are written out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sha256 = hashlib.sha256()
        self._file: int | None = None  # its descriptor while it is open
        self._made = False

    def write_out(self) -> None:
        """Write what was gathered.

        :raises StoreError: if the file system refuses
        """
        pieces, self._pieces = self._pieces, []
        self.gathered = 0
        if not any(pieces):
            return
        try:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                self._made = True
            for piece in pieces:  # to join them first would take their size in memory once more
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                self._sha256.update(piece)
        except OSError as error:
            raise store_error(self.path, error) from error

    def finish(self) -> Download:
        """Write out the rest, close the file and say what it holds.

        :raises StoreError: if the file system refuses
        """
        head = b"".join(self._pieces) if self.size == self.gathered <= SMALL else self.head
        self.write_out()
        if not self._made:
            return Download()
        try:
            self._close()
        except OSError as error:  # some file systems tell of a full disk only here
            raise store_error(self.path, error) from error
        return Download(self.path, self.size, self._sha256.hexdigest(), head)

    def discard(self) -> None:
        """Leave no file.

        :raises StoreError: if the file system refuses
        """
        with suppress(OSError):
            self._close()
        if self._made:
            Download(self.path).discard()

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def partial_folder(store: str, report: Path) -> Path:
    """Return the folder for the partial files of the run that writes *report*.

    It lies in the store, where renaming a file into its place is atomic, or
    beside the report where the store is not a local folder. Runs with
    different reports share no folder. That of an attempt of a fleet follows from
    its report's name, since the folder of that is another on each machine.
    """
    base = report.parent if is_remote(store) else local_path(store)
    known = report.name if ATTEMPT_REPORT.fullmatch(report.name) else str(report)
    run = hashlib.sha256(known.encode()).hexdigest()[:12]
    return base / ".part" / run


def open_partial_folder(folder: Path, keep: Collection[str] = ()) -> None:
    """Make *folder*, or empty it of what an interrupted run left there, but for files to *keep*.

    :raises StoreError: if the file system refuses
    """
    try:
        for place in (folder.parent, folder):
            if place.is_symlink():  # what it leads to is not ours to empty
                raise StoreError(f"{place}: is a symbolic link; remove it")
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in keep:
                path.unlink()
    except OSError as error:
        raise store_error(folder, error) from error


def close_partial_folder(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove *folder* with what nobody has taken from it, but for files to *keep*; and the folder
    of such folders where it is empty."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name not in keep:
                path.unlink()
    for path in (folder, folder.parent):
        try:
            path.rmdir()
        except OSError:
            return  # another run's, or a file for the next start to clear
