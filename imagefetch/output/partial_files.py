"""Writes response bodies to partial files while they are downloaded."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imagefetch.errors import StoreError, store_error
from imagefetch.images.detection import HEAD
from imagefetch.output.store_paths import is_remote, local_path

# Maximum bytes of a body that is also kept in memory until its row is written, so that its file
# need not be read.
SMALL = 32 * 1024


ATTEMPT_REPORT = re.compile(r"job-[0-9a-f]{12}-[0-9]{6,9}-[0-9]{4,9}-[0-9a-z]{1,16}\.csv")
"""Name of the report of a fleet's attempt, in a folder of the worker's own: job, shard, attempt."""


@dataclass(frozen=True)
class Download:
    """A body that was received completely."""

    path: Path | None = None
    """Its partial file; None for an empty body, or one that is not wanted."""
    size: int = 0
    """Bytes."""
    sha256: str = ""
    """Lower-case hex."""
    head: bytes = b""
    """The first bytes: at least `HEAD`, or the whole body if it is shorter."""

    @property
    def in_memory(self) -> bool:
        """Whether ``head`` is the whole body."""
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


# Pieces below this size, in bytes, are joined to the piece before: a separate object takes 40 bytes
# more, and a server may send one byte at a time.
TINY = 1_024


class BodyBuffer:
    """Buffers the pieces of a body until they are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        """Bytes received: buffered and written."""
        self.head = b""
        """The first of them, at most `HEAD`."""
        self.gathered = 0
        """Bytes in the buffer."""
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
        """Return the content of the buffer, and empty it."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.gathered = 0
        return data


class PartialFile(BodyBuffer):
    """A buffered file for a body; `write_out` writes the buffer to disk.

    The file is created when the first bytes are written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sha256 = hashlib.sha256()
        self._file: int | None = None  # its descriptor while it is open
        self._created = False

    def write_out(self) -> None:
        """Write the buffer to the file.

        :raises StoreError: if the file system refuses
        """
        pieces, self._pieces = self._pieces, []
        self.gathered = 0
        if not any(pieces):
            return
        try:
            if self._file is None:
                new = 0 if self._created else os.O_CREAT | os.O_EXCL
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | new, 0o666)
                self._created = True
            for piece in pieces:  # joining them first would double the memory in use
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                self._sha256.update(piece)
        except OSError as error:
            raise store_error(self.path, error) from error

    def finish(self) -> Download:
        """Write the rest of the buffer, close the file and return its `Download`.

        :raises StoreError: if the file system refuses
        """
        head = b"".join(self._pieces) if self.size == self.gathered <= SMALL else self.head
        self.pause()
        if not self._created:
            return Download()
        return Download(self.path, self.size, self._sha256.hexdigest(), head)

    def pause(self) -> None:
        """Write the rest of the buffer and close the file; `write_out` opens it again.

        :raises StoreError: if the file system refuses
        """
        self.write_out()
        try:
            self._close()
        except OSError as error:  # some file systems report a full disk only here
            raise store_error(self.path, error) from error

    def is_intact(self) -> bool:
        """Return whether the file, which is paused, still has the bytes that were written."""
        try:
            return self.path.lstat().st_size == self.size
        except OSError:
            return False

    def discard(self) -> None:
        """Close and remove the file.

        :raises StoreError: if the file system refuses
        """
        with suppress(OSError):
            self._close()
        if self._created:
            Download(self.path).discard()

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def partial_folder(store: str, report: Path) -> Path:
    """Return the folder for the partial files of the run that writes *report*.

    It is in the store, so that a file can be renamed to its final name atomically. If the store
    is remote, it is in the report's folder. Runs with different reports share no folder. The
    folder of a fleet's attempt depends only on the name of its report, since that report's
    folder differs between machines.
    """
    base = report.parent if is_remote(store) else local_path(store)
    key = report.name if ATTEMPT_REPORT.fullmatch(report.name) else str(report)
    run = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:12]
    return base / ".part" / run


def open_partial_folder(folder: Path, keep: Collection[str] = ()) -> None:
    """Create *folder*, or remove the files that an interrupted run left in it, except *keep*.

    :raises StoreError: if the file system refuses, or the folder is a symbolic link
    """
    try:
        for path in (folder.parent, folder):
            if path.is_symlink():  # its target may be any folder, and must not be emptied
                raise StoreError(f"{path}: is a symbolic link; remove it")
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.name not in keep:
                path.unlink()
    except OSError as error:
        raise store_error(folder, error) from error


def close_partial_folder(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove *folder* with the files left in it, except *keep*; then its parent if that is
    empty."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name not in keep:
                path.unlink()
    for path in (folder, folder.parent):
        try:
            path.rmdir()
        except OSError:
            return  # not empty: another run's folder, or a file that the next run removes
