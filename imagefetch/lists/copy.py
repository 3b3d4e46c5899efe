"""Copies lists that are not files into the report's folder.

A run that resumes then reads the same lines.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from scrapy.settings import BaseSettings

from imagefetch.errors import BadInput, Failure, TooLarge
from imagefetch.lists.compression import Decompressor
from imagefetch.lists.encoding import encoding_of
from imagefetch.lists.kept_copy import BINARY, CopyWriter, check_copy, copy_path
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.options import DEFAULTS, ListOptions
from imagefetch.output.own_files import new_file
from imagefetch.urls import shown

__all__ = ["STANDARD_INPUT", "Copy", "copy_address", "copy_path", "copy_standard_input"]

logger = logging.getLogger(__name__)

STANDARD_INPUT = Path("-")

CHUNK_SIZE = 2**16
"""Bytes copied at a time."""


class Copy:
    """A list and its final path; an earlier copy stays there until `keep` is called."""

    def __init__(self, final_path: Path, new: Path | None = None) -> None:
        """Create it from the final path and a temporary one.

        :param final_path: final path of the list
        :param new: path of the list until `keep` is called; None if it is at *final_path* already
        """
        self.final_path = final_path
        self._new = new

    @property
    def path(self) -> Path:
        """Path from which the list can be read now."""
        return self._new or self.final_path

    def keep(self) -> Path:
        """Move the list to its final path, and return that path.

        :raises BadInput: if the file system refuses
        """
        if self._new is not None:
            try:
                self._new.replace(self.final_path)
            except OSError as error:
                raise BadInput(
                    f"{self.final_path}: can't store the list there: {error.strerror}"
                ) from error
            self._new = None
        return self.final_path

    def drop(self) -> None:
        """Remove the temporary file, unless the list was kept."""
        if self._new is not None:
            with suppress(OSError):
                self._new.unlink()
            self._new = None


def copy_standard_input(report: Path, max_size: int = 0, options: ListOptions = DEFAULTS) -> Copy:
    """Copy standard input into the folder of *report*.

    If standard input is empty, an earlier copy is used. *max_size* in bytes; 0: no limit.

    :raises BadInput: if it holds no list, or the copy can't be written
    """
    path = copy_path(report)
    check_copy(path)
    source = sys.stdin.buffer if sys.stdin is not None else None
    first = source.read(CHUNK_SIZE) if source else b""
    if not first and path.exists():
        return Copy(path)

    def write(file: BinaryIO) -> None:
        copy, decompressor = CopyWriter(file), Decompressor(max_size)
        chunk = first
        try:
            while chunk:
                for piece in decompressor.feed(chunk):
                    if decompressor.size == len(piece) and not piece.startswith(BINARY):
                        encoding_of(piece, "standard input")  # it may be endless
                    copy.write(piece)
                chunk = source.read(CHUNK_SIZE) if source else b""
            for piece in decompressor.finish():
                copy.write(piece)
        except TooLarge:
            raise BadInput(
                f"standard input: the list is longer than INPUT_URLS_MAXSIZE = "
                f"{max_size:,} bytes; raise the limit, or name a file with -a urls=PATH"
            ) from None
        except Failure as failure:
            raise BadInput("standard input: is compressed, and damaged or cut") from failure
        copy.close()

    return _copied(path, "standard input", write, options, "-")


def copy_address(report: Path, address: str, settings: BaseSettings, *, anew: bool) -> Copy:
    """Fetch the list at *address* into the folder of *report*.

    An earlier copy is used unless *anew* is set.

    :raises BadInput: if the list can't be fetched or stored, or is not a list
    """
    path = copy_path(report, address)
    check_copy(path)
    if not anew and path.exists():
        return Copy(path)
    from imagefetch.lists.download import fetch_list  # loads much that few runs need

    logger.info("Fetching the list %s", shown(address))
    return _copied(
        path,
        shown(address),
        lambda file: fetch_list(address, file, settings),
        ListOptions.of(settings),
        shown(address),
    )


def _copied(
    path: Path,
    source: str,
    write: Callable[[BinaryIO], None],
    options: ListOptions,
    argument: str,
) -> Copy:
    """Let *write* write the list from *source*; return the copy, to be kept at *path*.

    :raises BadInput: naming *source*, if it is not a list, or *path*, if it can't be written
    """
    copy = Copy(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        copy = Copy(path, new_file(path))
        with copy.path.open("wb") as file:
            write(file)
        ListFile(copy.path, options, argument).check()
    except BaseException as error:
        temporary = str(copy.path)
        copy.drop()
        if isinstance(error, BadInput):
            raise BadInput(str(error).replace(temporary, source)) from error
        if isinstance(error, OSError):
            raise BadInput(f"{path}: can't store {source} there: {error.strerror}") from error
        raise
    return copy
