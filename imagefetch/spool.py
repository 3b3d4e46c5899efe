"""Lists that are no files, kept beside the report so that going on reads the same lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scrapy.settings import BaseSettings

from imagefetch.beside import replacing
from imagefetch.errors import BadInput
from imagefetch.kept_list import check_copy, spool_path, write_copy
from imagefetch.places import shown
from imagefetch.shape import check_shape
from imagefetch.urls import check_beginning, check_list

__all__ = ["STANDARD_INPUT", "spool_address", "spool_path", "spool_standard_input"]

logger = logging.getLogger(__name__)

STANDARD_INPUT = Path("-")

PIECE = 2**16
"""Bytes copied at a time."""


def spool_standard_input(report: Path, max_size: int = 0) -> Path:
    """Copy standard input beside *report*, and return the copy's path.

    Where nothing comes, an earlier copy is used. *max_size* in bytes; 0: no limit.

    :raises BadInput: if it holds no list, or the copy can't be made
    """
    path = spool_path(report)
    check_copy(path)
    source = sys.stdin.buffer if sys.stdin is not None else None
    piece = source.read(PIECE) if source else b""
    if not piece and path.exists():
        return path
    check_beginning(piece, "standard input")
    with _copy_to(path, "standard input") as file, write_copy(file) as copy:
        size = 0
        while piece:
            size += len(piece)
            if max_size and size > max_size:
                raise BadInput(
                    f"standard input: the list is longer than INPUT_URLS_MAXSIZE = {max_size:,} "
                    "bytes; raise that, or name a file with -a urls=PATH"
                )
            copy.write(piece)
            piece = source.read(PIECE) if source else b""
    return path


def spool_address(report: Path, address: str, settings: BaseSettings, *, anew: bool) -> Path:
    """Fetch the list at *address*, keep it beside *report*, and return the copy's path.

    An earlier copy is used unless a list is wanted *anew*.

    :raises BadInput: if it can't be fetched or kept, or is no list
    """
    path = spool_path(report, address)
    check_copy(path)
    if anew or not path.exists():
        from imagefetch.remote_list import fetch_list  # what it needs, few runs do

        logger.info("Fetching the list %s", shown(address))
        with _copy_to(path, shown(address)) as file:
            fetch_list(address, file, settings)
    return path


@contextmanager
def _copy_to(path: Path, source: str) -> Iterator[BinaryIO]:
    """Let a copy of the list *source* be written; put it at *path* once it is whole.

    :raises BadInput: naming *source*, if it is no list, or *path*, if nothing can be kept there
    """
    new = path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            new = Path(file.name)
            yield file
            file.flush()
            check_list(new, compressed=True)
            check_shape(new, compressed=True)
    except BadInput as error:
        raise BadInput(str(error).replace(str(new), source)) from error
    except OSError as error:
        raise BadInput(f"{path}: can't keep {source} there: {error.strerror}") from error
