"""Moves files without replacing existing ones."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple


class Identity(NamedTuple):
    """Properties that a file keeps when it is moved, and that distinguish it from another file of
    the same name."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def link_new(source: str, target: str) -> bool:
    """Create a hard link *target* to the file *source*; return False if the file system has no
    hard links.

    :raises FileExistsError: if *target* exists, even if it was created a moment ago
    :raises FileNotFoundError: if *source* or the folder of *target* doesn't exist
    """
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        return False
    return True


def move_new(source: str, target: str) -> None:
    """Move the file *source* to *target*, which must not exist. The file exists at every moment
    under at least one of the names.

    :raises FileExistsError: if *target* exists
    :raises OSError: if the file system refuses
    """
    if link_new(source, target):
        os.unlink(source)  # noqa: PTH108 - for each image: parse no path
    else:
        rename_new(source, target)


def rename_new(source: str, target: str) -> None:
    """Move the file like `move_new`, but without hard links: an empty file reserves the name.

    :raises FileExistsError: if *target* exists
    :raises OSError: if the file system refuses
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        os.replace(source, target)  # noqa: PTH105 - as above
    except OSError:
        with suppress(OSError):
            os.unlink(target)  # noqa: PTH108 - as above
        raise
