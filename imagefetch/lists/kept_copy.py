"""A list that is no file, kept beside the report: what it is called, and how it is known again."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path
from typing import BinaryIO, cast

from imagefetch.errors import BadInput
from imagefetch.output.own_files import head_of

NAME = "imagefetch-list"
"""Stands in a copy's gzip header as the name of the file: no other file is written over."""

_HEAD = re.compile(rb"\x1f\x8b\x08\x08.{6}" + NAME.encode() + rb"\0", re.DOTALL)


def spool_path(report: Path, address: str = "") -> Path:
    """Return where a list from *address*, or else standard input, is kept."""
    which = f".{hashlib.sha256(address.encode()).hexdigest()[:8]}" if address else ""
    return report.with_name(f"{_stem(report)}{which}.urls.txt.gz")


def is_copy_of(report: Path, name: str) -> bool:
    """Whether a list of *report*'s may be kept under *name*."""
    stem = re.escape(_stem(report))
    return re.fullmatch(rf"{stem}(\.[0-9a-f]{{8}})?\.urls\.txt\.gz", name) is not None


def _stem(report: Path) -> str:
    # Of a report that is called otherwise than ".csv" the whole name stays: no two share a copy.
    return report.stem if report.suffix.lower() == ".csv" else report.name


def is_kept_list(head: bytes) -> bool:
    """Whether a file that begins with *head* is such a copy."""
    return _HEAD.match(head) is not None


def check_copy(path: Path) -> None:
    """:raises BadInput: if something else than a copy is at *path*"""
    try:
        head = head_of(path)
        if head is None or is_kept_list(head):
            return
        problem = "holds something else"
    except OSError as error:
        problem = f"can't be looked at: {error.strerror or error}"
    raise BadInput(
        f"{path}: the list is to be kept there, and it {problem}; move it away, "
        "or name another report with -a report=PATH"
    )


def write_copy(file: BinaryIO) -> BinaryIO:
    """Return what compresses a copy of a list into *file*, which is emptied."""
    file.seek(0)
    file.truncate()
    return cast("BinaryIO", gzip.GzipFile(NAME, "wb", 1, file, mtime=0))
