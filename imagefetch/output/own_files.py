"""Writes files in the report's folder, and recognizes which files there are imagefetch's own."""

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
"""Names of temporary files: ``.REPORT.csv.0123456789abcdef.new``."""

LOOKED_AT = 200
"""Bytes at the beginning of a file that show whether imagefetch wrote it."""


def new_file(target: Path) -> Path:
    """Create an empty temporary file, which is to replace *target*, in its folder; return its path.

    :raises OSError: if the file system refuses
    """
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}.new")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    return path


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Yield a temporary file for writing; replace *target* with it when the block ends.

    :raises OSError: if the file system refuses; the temporary file is removed
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
    """Return the first `LOOKED_AT` bytes of the file *path*; None if it doesn't exist.

    :raises OSError: if it can't be read, or isn't a regular file
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # a link may lead to any file
            raise OSError(errno.EEXIST, "not a regular file")
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except (FileNotFoundError, NotADirectoryError):
        return None


def remove_leftovers(
    folder: Path, is_ours: Callable[[str, bytes], bool], but: Path | None = None
) -> None:
    """Remove the temporary files in *folder* that killed processes left.

    *is_ours* is called with the name of the file that the temporary file was to replace, and
    with its first bytes. *but* is kept. No other process may be writing to *folder*.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if (match := TOKEN.fullmatch(entry.name)) is None or Path(entry.path) == but:
                continue
            with suppress(OSError):
                head = head_of(path := Path(entry.path))
                if head is not None and is_ours(match["target"], head):
                    path.unlink()
