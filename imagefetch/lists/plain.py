"""Reads a list lazily: a text file with one URL per line."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imagefetch.errors import BadInput
from imagefetch.line import Line
from imagefetch.lists import compression
from imagefetch.lists.encoding import encoding_of
from imagefetch.lists.shards import is_shard, read_shard
from imagefetch.urls import MAX_LINE
from imagefetch.utils.cells import CUT, truncated

SNIFF = 4_096  # bytes read to tell text from binary files, and to detect the encoding

# Errors that reading a list may raise after its beginning was valid.
READ_ERRORS = compression.ERRORS


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the list's lines, except blank ones and those that begin with ``#``.

    Supported: UTF-8, UTF-16 and UTF-32 with or (UTF-8, UTF-16) without a byte
    order mark, any line end, names that end in ``.gz``, copies written by
    `imagefetch.lists.copy`. Bytes that are invalid in the encoding become U+FFFD, which
    `request_url` refuses, so that only their line fails. A shard (by name) is UTF-8, as
    `shard_line` writes it.

    :raises BadInput: if the list can't be opened or is not text
    :raises OSError, EOFError, zlib.error: if reading fails after the beginning
    """
    with open_text(path) as file:
        if is_shard(path):
            yield from read_shard(path, file)
            return
        number = 0
        while part := file.readline(MAX_LINE + 1):
            number += 1
            text = part.strip()
            if len(part) > MAX_LINE and not part.endswith("\n"):
                text += CUT
                while (part := file.readline(MAX_LINE)) and not part.endswith("\n"):
                    pass
            if text and not text.startswith("#"):
                yield Line(number, truncated(text))  # rows are matched by this text


def check_list(path: Path) -> None:
    """Check that *path* holds a list with at least one line.

    :raises BadInput: naming the path and what is wrong with it
    """
    try:
        if next(read_lines(path), None) is None:
            raise BadInput(f"{path}: no URL in the list; write one URL per line")
    except READ_ERRORS as error:
        raise BadInput(f"{path}: can't be read as a list of URLs: {error}") from error


@contextmanager
def checked_path(path: Path) -> Iterator[None]:
    """Let the list *path* be opened.

    :raises BadInput: if it can't be, or is not a regular file
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a list is read more than once
            raise BadInput(
                f"{path}: is not a regular file; give the list on standard input, with -a urls=-"
            )
        yield
    except FileNotFoundError:
        raise BadInput(f"{path}: no such list; name one with -a urls=PATH") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name a list of URLs with -a urls=PATH") from None
    except OSError as error:
        raise BadInput(f"{path}: can't be opened: {error.strerror or error}") from error


def open_text(path: Path, newline: str | None = None) -> IO[str]:
    """Open the list as text; *newline*: as for `open`.

    :raises BadInput: if it can't be opened or is not text
    """
    with checked_path(path):
        binary = compression.open_decompressed(path)
    try:
        encoding = "utf-8" if is_shard(path) else encoding_of(binary.read(SNIFF), path)
        binary.seek(0)
    except BaseException:
        binary.close()
        raise
    return io.TextIOWrapper(binary, encoding, errors="replace", newline=newline)
