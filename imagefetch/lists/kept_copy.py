"""Names, writes and recognizes the stored copy of a list that is not a file."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
from pathlib import Path
from typing import BinaryIO

from imagefetch.errors import BadInput
from imagefetch.output.own_files import head_of

BINARY = (b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")
"""Beginnings of Parquet and Arrow files and of Arrow streams."""

NAME = "imagefetch-list"
"""File name in a copy's gzip header; files without it are never overwritten."""

_HEAD = re.compile(rb"\x1f\x8b\x08\x08.{6}" + NAME.encode() + rb"\0", re.DOTALL)


def copy_path(report: Path, address: str = "") -> Path:
    """Return the path of the copy of the list at *address*, or of standard input."""
    suffix = f".{hashlib.sha256(address.encode()).hexdigest()[:8]}" if address else ""
    return report.with_name(f"{_stem(report)}{suffix}.urls.txt.gz")


def is_copy_of(report: Path, name: str) -> bool:
    """Whether *name* is a possible name of a stored list of *report*."""
    stem = re.escape(_stem(report))
    return re.fullmatch(rf"{stem}(\.[0-9a-f]{{8}})?\.urls\.txt\.gz", name) is not None


def _stem(report: Path) -> str:
    # Other suffixes than ".csv" stay in the name, so that no two reports share a copy.
    return report.stem if report.suffix.lower() == ".csv" else report.name


def is_kept_list(head: bytes) -> bool:
    """Whether a file that begins with *head* is a stored copy."""
    return _HEAD.match(head) is not None


def check_copy(path: Path) -> None:
    """Check that nothing but a stored copy is at *path*.

    :raises BadInput: if something else is there, or it can't be read
    """
    try:
        head = head_of(path)
        if head is None or is_kept_list(head):
            return
        problem = "holds something else"
    except OSError as error:
        problem = f"can't be read: {error.strerror or error}"
    raise BadInput(
        f"{path}: this path is needed for the copy of the list, but it {problem}; move it away, "
        "or name another report with -a report=PATH"
    )


class CopyWriter:
    """Writes the copy of a list into a file: compressed, or as it is if it is a binary file, of
    which parts are read."""

    def __init__(self, file: BinaryIO) -> None:
        """Truncate *file*."""
        file.seek(0)
        file.truncate()
        self._file = file
        self._gzip: gzip.GzipFile | None = None
        self._is_binary = False

    def write(self, data: bytes) -> None:
        """:raises OSError: if the file system refuses"""
        if not data:
            return
        if self._is_binary:
            self._file.write(data)
            return
        if self._gzip is None:
            self._gzip = gzip.GzipFile(NAME, "wb", 1, self._file, mtime=0)
            if data.startswith(BINARY):
                self._is_binary = True
                self._gzip.close()
                self._file.write(data)
                return
        self._gzip.write(data)

    def close(self) -> None:
        """:raises OSError: if the file system refuses"""
        if self._gzip is None:
            self._gzip = gzip.GzipFile(NAME, "wb", 1, self._file, mtime=0)
        self._gzip.close()


def _nothing() -> bytes:
    """Return what stands before a binary file: a copy of nothing."""
    file = io.BytesIO()
    CopyWriter(file).close()
    return file.getvalue()


_NOTHING = _nothing()


def binary_offset(head: bytes) -> int:
    """Return at which byte of a file that begins with *head* a binary list begins; 0 unless it is
    a stored copy of one."""
    return len(_NOTHING) if head.startswith(_NOTHING) and head[len(_NOTHING) :] else 0
