"""Lists that are no files, kept beside the report so that going on reads the same lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from scrapy.settings import BaseSettings

from imagefetch.errors import BadInput
from imagefetch.lists.kept_copy import check_copy, spool_path, write_copy
from imagefetch.lists.plain import check_list
from imagefetch.lists.shape import check_shape
from imagefetch.output.own_files import new_file
from imagefetch.urls import check_beginning, shown

__all__ = ["STANDARD_INPUT", "Copy", "spool_address", "spool_path", "spool_standard_input"]

logger = logging.getLogger(__name__)

STANDARD_INPUT = Path("-")

PIECE = 2**16
"""Bytes copied at a time."""


class Copy:
    """A list, and where it is to be kept: an earlier copy stays there until `keep` is called."""

    def __init__(self, place: Path, new: Path | None = None) -> None:
        """*new* is where the list is until then; None if it is in its place already."""
        self.place = place
        self._new = new

    @property
    def path(self) -> Path:
        """Where the list can be read."""
        return self._new or self.place

    def keep(self) -> Path:
        """Put the list in its place, and return that.

        :raises BadInput: if the file system refuses
        """
        if self._new is not None:
            try:
                self._new.replace(self.place)
            except OSError as error:
                raise BadInput(
                    f"{self.place}: can't keep the list there: {error.strerror}"
                ) from error
            self._new = None
        return self.place

    def drop(self) -> None:
        """Remove what was not kept."""
        if self._new is not None:
            with suppress(OSError):
                self._new.unlink()
            self._new = None


def spool_standard_input(report: Path, max_size: int = 0) -> Copy:
    """Copy standard input beside *report*.

    Where nothing comes, an earlier copy is used. *max_size* in bytes; 0: no limit.

    :raises BadInput: if it holds no list, or the copy can't be made
    """
    path = spool_path(report)
    check_copy(path)
    source = sys.stdin.buffer if sys.stdin is not None else None
    piece = source.read(PIECE) if source else b""
    if not piece and path.exists():
        return Copy(path)
    check_beginning(piece, "standard input")

    def write(file: BinaryIO) -> None:
        nonlocal piece
        size = 0
        with write_copy(file) as copy:
            while piece:
                size += len(piece)
                if max_size and size > max_size:
                    raise BadInput(
                        f"standard input: the list is longer than INPUT_URLS_MAXSIZE = "
                        f"{max_size:,} bytes; raise that, or name a file with -a urls=PATH"
                    )
                copy.write(piece)
                piece = source.read(PIECE) if source else b""

    return _copied(path, "standard input", write)


def spool_address(report: Path, address: str, settings: BaseSettings, *, anew: bool) -> Copy:
    """Fetch the list at *address* to keep it beside *report*.

    An earlier copy is used unless a list is wanted *anew*.

    :raises BadInput: if it can't be fetched or kept, or is no list
    """
    path = spool_path(report, address)
    check_copy(path)
    if not anew and path.exists():
        return Copy(path)
    from imagefetch.lists.download import fetch_list  # what it needs, few runs do

    logger.info("Fetching the list %s", shown(address))
    return _copied(path, shown(address), lambda file: fetch_list(address, file, settings))


def _copied(path: Path, source: str, write: Callable[[BinaryIO], None]) -> Copy:
    """Return what *write* writes, which is the list *source*, to be kept at *path*.

    :raises BadInput: naming *source*, if it is no list, or *path*, if nothing can be kept there
    """
    copy = Copy(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = Copy(path, new_file(path))
        with copy.path.open("wb") as file:
            write(file)
        check_list(copy.path)
        check_shape(copy.path)
    except BaseException as error:
        new = str(copy.path)
        copy.drop()
        if isinstance(error, BadInput):
            raise BadInput(str(error).replace(new, source)) from error
        if isinstance(error, OSError):
            raise BadInput(f"{path}: can't keep {source} there: {error.strerror}") from error
        raise
    return copy
