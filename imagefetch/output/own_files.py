"""Files beside the report: those that may be there are the program's own, or are left alone."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

TOKEN = re.compile(r"\.(?P<target>.+)\.[0-9a-f]{16}\.new", re.DOTALL)
"""What files are called that are being written: ``.REPORT.csv.0123456789abcdef.new``."""

LOOKED_AT = 200
"""Bytes of a file that tell whose it is."""


def new_file(target: Path) -> Path:
    """Make an empty file in the folder of *target*, whose place it is to take; return its path.

    :raises OSError: if the file system refuses
    """
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    return path


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Let a file be written; put it in the place of *target* once it is whole.

    :raises OSError: if the file system refuses; nothing is left of it then
    """
    new = new_file(target)
    try:
        with new.open("wb") as file:
            yield file
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def head_of(path: Path) -> bytes | None:
    """Return the first bytes of the file *path*; None if nothing is there.

    :raises OSError: if it can't be read, or is no regular file
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # a link leads to another's file
            raise OSError(errno.EEXIST, "no regular file")
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove_leftovers(
    folder: Path, is_ours: Callable[[str, bytes], bool], but: Path | None = None
) -> None:
    """Remove files in *folder* that were being written as a process was killed.

    *is_ours* is given the name of the file that one was to replace, and its first bytes.
    *but* stays. Nobody else may be writing there.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (match := TOKEN.fullmatch(entry.name)) is None or Path(entry.path) == but:
                continue
            with suppress(OSError):
                head = head_of(path := Path(entry.path))
                if head is not None and is_ours(match["target"], head):
                    path.unlink()
