"""Putting a file where nothing is yet."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple


class Identity(NamedTuple):
    """What a file keeps when it is moved, and another at the same place does not share."""

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


def link_new(source: str, target: str) -> bool:
    """Give the file *source* a second name; False where the file system has no hard links.

    :raises FileExistsError: if something has that name, whoever put it there and when
    :raises FileNotFoundError: if *source* or the folder is gone
    """
    try:
        os.link(source, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        return False
    return True


def move_new(source: str, target: str) -> None:
    """Move the file *source* to *target*, which must not exist. No moment is without the file.

    :raises FileExistsError: if something is there
    :raises OSError: if the file system refuses
    """
    if link_new(source, target):
        os.unlink(source)  # noqa: PTH108 - once a picture; no path is to be parsed
    else:
        rename_new(source, target)


def rename_new(source: str, target: str) -> None:
    """Do what `move_new` does, without hard links: an empty file reserves the name.

    :raises FileExistsError: if something is there
    :raises OSError: if the file system refuses
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        os.replace(source, target)  # noqa: PTH105 - as above
    except OSError:
        with suppress(OSError):
            os.unlink(target)  # noqa: PTH108 - as above
        raise
